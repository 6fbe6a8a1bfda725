"""Who and what the analysis of Levels leaves out, and how much of it (Sec. A.3 of the paper)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from alignet_hf.data.levels_responses import Participant
from alignet_hf.errors import InputError

MIN_CATCH_ACCURACY = 0.9
MAX_TIMEOUTS = 10
MAX_RT = 10_000.0  # milliseconds


@dataclass(frozen=True)
class Exclusions:
    """What was left out, in the order in which it was; prints itself as a table.

    Attributes:
        n_participants: before any exclusion.
        n_no_consent: participants whose file says nothing of consent, or anything but that they gave it. Nothing else
            of them stays, not even who they are.
        no_consent_words: what these files say, "" for nothing.
        consent_known: whether the files have the column; where none has it, nobody is left out for it.
        inattentive: participants under 90 % correct on catch trials, of the others.
        slow: participants with more than 10 timeouts, of the others.
        sharing: participants, of the rest, who saw the trials that another of the rest saw, in the same order. Their
            choices count; response times and uncertainty are of the others.
        n_trials: experiment trials of the participants who stay.
        n_timeouts: of these, trials without a response.
        n_long: response times of more than 10 s, of participants who do not share their trials. The choice counts.
    """

    n_participants: int
    inattentive: tuple[str, ...]
    slow: tuple[str, ...]
    sharing: tuple[str, ...]
    n_trials: int
    n_timeouts: int
    n_long: int
    n_no_consent: int = 0
    no_consent_words: tuple[str, ...] = ()
    consent_known: bool = False

    def rows(self) -> list[tuple[str, int, str]]:
        """(what, how many, left out of what), a row an exclusion."""
        return [
            (f"participants without consent{self._words()}", self.n_no_consent, "everything"),
            (f"participants under {MIN_CATCH_ACCURACY:.0%} on catch trials", len(self.inattentive), "everything"),
            (f"participants with more than {MAX_TIMEOUTS} timeouts", len(self.slow), "everything"),
            ("participants without a trial set of their own", len(self.sharing), "response times and uncertainty"),
            ("trials without a response", self.n_timeouts, "everything"),
            (f"response times of more than {MAX_RT / 1000:g} s", self.n_long, "response times"),
        ]

    def _words(self) -> str:
        if not self.consent_known:
            return " (the files do not say who gave it)"
        return f" ({', '.join(repr(word) for word in self.no_consent_words)})" if self.no_consent_words else ""

    def markdown(self) -> str:
        rows = "\n".join(f"| {what} | {number} | {out_of} |" for what, number, out_of in self.rows())
        return f"| excluded | how many | from |\n|---|---|---|\n{rows}"

    def to_dict(self) -> dict:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Exclusions":
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})

    def __str__(self) -> str:
        width = max(len(what) for what, _, _ in self.rows())
        n_left = self.n_participants - self.n_no_consent - len(self.inattentive) - len(self.slow)
        lines = [f"{what:<{width}}  {number:>6}  from {out_of}" for what, number, out_of in self.rows()]
        return "\n".join([*lines, f"{n_left} of {self.n_participants} participants and {self.n_trials} trials stay"])


def exclude(participants: Sequence[Participant]) -> tuple[list[Participant], Exclusions]:
    """Leave out the participants that the paper leaves out -> those who stay, and what was left out.

    Who did not consent comes first. Where any file has the column `consent_status`, a participant without a word in it
    did not.

    Whose trial set is their own: in the design, five people are given the same 330 triplets, each in another order; by
    a fault of the server some were given the order of somebody else too. So a trial set is the triplets in their order.
    Who stopped early shares with whoever began with the same trials.

    Raises:
        InputError: nobody stays.
    """
    consent_known = any(p.consented is not None for p in participants)
    no_consent = [p for p in participants if consent_known and not p.consented]
    consenting = [p for p in participants if not consent_known or p.consented]
    words = tuple(sorted({p.consent_status or "" for p in no_consent}))
    inattentive = [p for p in consenting if p.n_catch and p.n_catch_correct / p.n_catch < MIN_CATCH_ACCURACY]
    attentive = [p for p in consenting if p not in inattentive]
    slow = [p for p in attentive if p.n_timeouts > MAX_TIMEOUTS]
    kept = [p for p in attentive if p not in slow]
    if not kept:
        said = f" (consent_status {', '.join(map(repr, words))}; say which words mean it: consent=)" if words else ""
        raise InputError(
            f"levels: none of {len(participants)} participants stays: {len(no_consent)} without consent{said}, "
            f"{len(inattentive)} under {MIN_CATCH_ACCURACY:.0%} on catch trials, {len(slow)} with more than "
            f"{MAX_TIMEOUTS} timeouts"
        )
    sharing = _sharing(kept)
    responses = [response for p in kept for response in p.responses]
    times = [r.response_time for p in kept if p.name not in sharing for r in p.responses if r.choice is not None]
    return kept, Exclusions(
        n_participants=len(participants),
        inattentive=tuple(p.name for p in inattentive),
        slow=tuple(p.name for p in slow),
        sharing=tuple(p.name for p in kept if p.name in sharing),
        n_trials=len(responses),
        n_timeouts=sum(response.choice is None for response in responses),
        n_long=sum(time > MAX_RT for time in times),
        n_no_consent=len(no_consent),
        no_consent_words=words,
        consent_known=consent_known,
    )


def _sharing(participants: Sequence[Participant]) -> set[str]:
    by_start = defaultdict(list)
    for participant in participants:
        triplets = [frozenset(response.filenames) for response in participant.responses]
        by_start[triplets[0]].append((triplets, participant.name))
    return {
        name
        for group in by_start.values()
        for triplets, name in group
        for others, other in group
        if other != name and all(a == b for a, b in zip(triplets, others, strict=False))
    }
