"""The raw files of the Levels experiment: a participant's trials as jsPsych writes them, in JSON or CSV (Sec. A.3)."""

import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm.auto import tqdm

from alignet_hf.data.levels_consent import CONSENT, consent_status, has_consented
from alignet_hf.data.levels_design import level_of, triplet_names
from alignet_hf.data.names import base_name
from alignet_hf.data.text import read_table, read_text
from alignet_hf.errors import InputError

TRIAL, CATCH = "exp_trial", "catch_trial"  # training trials, breaks and forms are left out
TIMEOUT = "No image selected"
_COLUMNS = ("subject_id", "exp_trial_type", "image1Path", "image2Path", "image3Path", "selected_image", "rt")
_NOTHING = (None, "", "null", "NA", "NaN", "nan")


@dataclass(frozen=True)
class Response:
    """What a participant did in an experiment trial.

    Attributes:
        filenames: the three images as they were shown, without folders.
        choice: the position (0, 1, 2) of the odd one out; None on a timeout.
        response_time: in milliseconds; None on a timeout.
    """

    filenames: tuple[str, str, str]
    choice: int | None
    response_time: float | None


@dataclass(frozen=True)
class Participant:
    """One person's part in the experiment.

    Attributes:
        name: the `subject_id`; with the file's name behind it where two people were given the same one.
        file: where it was read.
        responses: one an experiment trial, in the order of the trials; none of somebody who did not consent.
        n_catch: how many catch trials there were.
        n_catch_correct: how many of them were answered correctly.
        consent_status: what the file says of it (see `levels_consent`); None where it has no such column.
        consented: whether that is a word for consent; None where the file has no such column.
    """

    name: str
    file: str
    responses: tuple[Response, ...]
    n_catch: int
    n_catch_correct: int
    consent_status: str | None = None
    consented: bool | None = None

    @property
    def n_timeouts(self) -> int:
        """Experiment trials without a response."""
        return sum(response.choice is None for response in self.responses)


def read_participants(path: str | Path, *, consent: Collection[str] = CONSENT) -> list[Participant]:
    """Read the participants' files in a folder, at any depth, or one file.

    A JSON file is an array of one participant's trials; a CSV file has a trial a row, and may hold several people's.

    Args:
        consent: the words of `consent_status` that mean consent. Of who gave another, nothing else is read.

    Raises:
        InputError: naming the file and the trial: a file that is cut off, an image that was selected and not shown, a
            response time that is zero, negative or missing, a triplet shown twice to one person; or two files with the
            same person's responses.
    """
    path = Path(path)
    files = sorted(file for file in path.rglob("*") if _is_raw(file)) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path}: holds no participant's file (.json or .csv)")
    participants = []
    for file in tqdm(files, "participants", disable=None):
        trials = _read_json(file) if file.suffix.lower() == ".json" else _read_csv(file)
        participants += _participants(file, trials, consent)
    _refuse_copies(participants)
    return _with_unique_names(participants)


def _is_raw(file: Path) -> bool:
    return file.suffix.lower() in (".json", ".csv") and not file.name.startswith(".")


def _kind(trial: dict) -> str | None:
    return trial.get("exp_trial_type")


def _is_judged(trial: dict) -> bool:
    return _kind(trial) in (TRIAL, CATCH)


def _read_json(file: Path) -> list[tuple[str, dict]]:
    """Each trial, with the words that name it."""
    text = read_text(file)
    try:
        trials = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{file}: trial {_n_whole(text)} is cut off or damaged ({error}); leave the file out, or get it anew"
        ) from None
    if not isinstance(trials, list) or not all(isinstance(trial, dict) for trial in trials):
        raise InputError(f"{file}: is not an array of trials")
    return [(f"{file}: trial {number}", trial) for number, trial in enumerate(trials)]


def _n_whole(text: str) -> int:
    """How many trials of a damaged array can still be read."""
    decoder, position, number = json.JSONDecoder(), text.find("[") + 1, 0
    while True:
        try:
            _, position = decoder.raw_decode(text, re.compile(r"[\s,]*").match(text, position).end())
        except json.JSONDecodeError:
            return number
        number += 1


def _read_csv(file: Path) -> list[tuple[str, dict]]:
    return [(f"{file}: line {line}", row) for line, row in read_table(file, _COLUMNS, must_end=True)]


def _participants(file: Path, trials: list[tuple[str, dict]], consent: Collection[str]) -> list[Participant]:
    people = []
    for name, own in _by_name(file, trials).items():
        status = consent_status(trial for _, trial in own)
        consented = None if status is None else has_consented(status, consent)
        if consented is False:
            people.append(Participant(name, str(file), (), 0, 0, status, consented))
        elif any(_is_judged(trial) for _, trial in own):
            catch = [_is_true(trial.get("catch_trial_correct")) for _, trial in own if _kind(trial) == CATCH]
            responses = tuple(_responses(own))
            people.append(Participant(name, str(file), responses, len(catch), sum(catch), status, consented))
    if not people or not all(person.responses or person.consented is False for person in people):
        raise InputError(f"{file}: holds a participant without an experiment trial (exp_trial_type {TRIAL!r})")
    return people


def _by_name(file: Path, trials: list[tuple[str, dict]]) -> dict[str, list[tuple[str, dict]]]:
    """The trials of each person; the first forms, of consent say, may come before there is a subject_id."""
    by_name: dict[str, list[tuple[str, dict]]] = {}
    unnamed = []
    for where, trial in trials:
        name = trial.get("subject_id")
        if name not in _NOTHING:
            by_name.setdefault(str(name), []).append((where, trial))
        elif _is_judged(trial):
            raise InputError(f"{where}: has no subject_id")
        else:
            unnamed.append((where, trial))
    judges = [name for name, own in by_name.items() if any(_is_judged(trial) for _, trial in own)]
    if file.suffix.lower() == ".json":
        if len(judges) > 1:
            raise InputError(f"{file}: holds the trials of {' and '.join(judges)}; one participant a file")
        return {next(iter([*judges, *by_name, file.stem])): trials}
    if len(by_name) == 1:
        return {next(iter(by_name)): trials}
    return by_name or {file.stem: unnamed}


def _responses(trials: list[tuple[str, dict]]) -> Iterator[Response]:
    seen = set()
    for where, trial in trials:
        if _kind(trial) != TRIAL:
            continue
        names = triplet_names([trial.get(f"image{number}Path") for number in (1, 2, 3)], where)
        level_of(names, trial.get("triplet_class"), where)
        if frozenset(names) in seen:
            raise InputError(
                f"{where}: the triplet {', '.join(names)} was shown before; a person judges a triplet once"
            )
        seen.add(frozenset(names))
        selected = base_name(str(trial.get("selected_image")))
        if selected == TIMEOUT:
            yield Response(names, None, None)
        elif selected in names:
            yield Response(names, names.index(selected), _milliseconds(trial.get("rt"), where))
        else:
            raise InputError(
                f"{where}: selected_image {selected!r} is neither {TIMEOUT!r} nor one of the three images shown, "
                f"{', '.join(names)}"
            )


def _milliseconds(value, where: str) -> float:
    try:
        time = float(value)
    except (TypeError, ValueError):
        time = math.nan
    if not 0 < time < math.inf:
        raise InputError(f"{where}: the response time rt is {value!r}; it must be more than 0 milliseconds")
    return time


def _is_true(value) -> bool:
    return value in (True, "1") or str(value).lower() == "true"


def _refuse_copies(participants: list[Participant]) -> None:
    """Two people never answer all trials alike to the millisecond: one file is a copy of the other."""
    first: dict[tuple[Response, ...], Participant] = {}
    for participant in participants:
        if not participant.responses:  # did not consent
            continue
        other = first.setdefault(participant.responses, participant)
        if other is not participant:
            raise InputError(
                f"{participant.file}: {participant.name} gave the very responses of {other.name} in {other.file}; "
                "remove one of the two"
            )


def _with_unique_names(participants: list[Participant]) -> list[Participant]:
    counts = Counter(person.name for person in participants)
    return [
        replace(person, name=f"{person.name} ({Path(person.file).name})") if counts[person.name] > 1 else person
        for person in participants
    ]
