"""The record of how a model was aligned: `alignment.json`, which goes with the model's folder wherever that goes.

The trainer writes what it knows at every save, a run adds the scores when it has them, and the card is written from it.
"""

import json
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from alignet_hf.errors import InputError
from alignet_hf.hub.artifacts import replacing

FILE = "alignment.json"
TRAINED = "trained"  # the setting of a student whose teacher nobody described


@dataclass(frozen=True, kw_only=True)
class Score:
    """A measured number of the model, or of what it is compared with.

    Attributes:
        who: "student" or "teacher".
        setting: of a recipe's: "original", "unalignet", "ud", "alignet", "human"; "trained" where it is not known.
        metric: a key of `alignet_hf.evaluation.report.SCORES`.
        estimate, low, high: the score and its 95 % interval (None where none was computed).
        chance: the score of an answer that knows nothing.
        data: what it was measured on.
        data_type: the data set's short name.
        command: what measures it again.
    """

    who: str
    setting: str
    metric: str
    estimate: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    data: str
    data_type: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What is known of a model's making; what is not known is None or empty.

    Attributes:
        base_model: Hub id of the model that was aligned.
        base_revision: the branch, tag or commit that was asked for.
        base: the same in words, where it is not on the Hub.
        base_made: how the base model was made, where it has such a record itself: its setting, people, source.
        license, license_name, license_link: of the base model, and so of this one, as its card states them.
        tags: further tags for the Hub.
        setting: "alignet", "unalignet" where the teacher was not aligned with people, "human" where it learnt from
            people's own choices, or "original" for a base model that no triplets were shown.
        people: whose judgments the teacher was aligned with, in words.
        datasets: Hub ids of the training data.
        training_data: facts of it, its fingerprint among them.
        source: the file that the model was converted from, where others made it: its name, address, sha256, variant.
        hyperparameters: those that differ from their defaults.
        curve: what the trainer logged, in order.
        resources: seconds, hardware, energy where it was measured.
        scores: every measured number.
        noise_ceiling: of people, by metric.
        versions: of the packages that trained it.
        adapter_of: configuration of the AligNet model, where the folder holds an adapter (LoRA) of it alone.
    """

    base_model: str | None = None
    base_revision: str | None = None
    base: str | None = None
    base_made: dict = field(default_factory=dict)
    license: str | None = None
    license_name: str | None = None
    license_link: str | None = None
    tags: list[str] = field(default_factory=list)
    setting: str | None = None
    people: str | None = None
    datasets: list[str] = field(default_factory=list)
    training_data: dict = field(default_factory=dict)
    source: dict = field(default_factory=dict)
    hyperparameters: dict = field(default_factory=dict)
    curve: list[dict] = field(default_factory=list)
    resources: dict = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    noise_ceiling: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    adapter_of: dict = field(default_factory=dict)

    @classmethod
    def read(cls, folder: str | Path) -> "Alignment":
        """The record in a model's folder; an empty one where there is none.

        Raises:
            InputError: the file is there and is not such a record.
        """
        path = Path(folder, FILE)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            content["scores"] = [Score(**score) for score in content.get("scores", [])]
            return cls(**content)
        except FileNotFoundError:
            return cls()
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a record of an alignment ({error}); remove it to write a new one") from error

    def write(self, folder: str | Path) -> None:
        with replacing(Path(folder, FILE)) as path:
            path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    def with_known(self, other: "Alignment") -> "Alignment":
        """This record, with everything that `other` knows put over it; of facts in a dictionary, key by key."""
        known = {f.name: value for f in fields(other) if (value := getattr(other, f.name)) not in (None, [], {})}
        for name, value in known.items():
            if isinstance(value, dict):
                known[name] = getattr(self, name) | value
        return replace(self, **known)
