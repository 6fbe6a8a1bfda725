"""Few-shot data sets, opened: training and test images of presets, and of data sets of one's own."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alignet_hf.data.images.opening import asking_hub
from alignet_hf.errors import HubError
from alignet_hf.evaluation.vision.image_spec import SPEC_HELP, VALIDATION, Spec
from alignet_hf.evaluation.vision.labelled_images import LabelledImages, open_labelled
from alignet_hf.evaluation.vision.presets import PRESETS, few_shot_place


def few_shot_data(text: str, *, seed: int = 0) -> tuple[str, LabelledImages, LabelledImages]:
    """The training and test images of a few-shot data set, as the command line names it.

    Args:
        text: a preset, `pets`; a preset with a copy of your own, `pets=FOLDER`; or NAME=PLACE, where the place has the
            splits train and test (or validation), or one split alone, of which half of each class is tested on.
            per-class=N caps the training images alone.
        seed: of what is drawn.

    Returns:
        name, training images, test images; their labels are rows of the same classes.

    Raises:
        InputError: as `few_shot_place`, or a place that cannot be opened so.
    """
    name, spec = few_shot_place(text)
    try:
        return name, *(_of_preset(name, spec, seed) if name in PRESETS else _own(spec, seed))
    except HubError as error:
        layout = PRESETS[name].layout if name in PRESETS else SPEC_HELP
        raise HubError(f"{error}; or give a copy of your own, --few-shot {name}=FOLDER: {layout}") from error


def _of_preset(name: str, spec: Spec, seed: int) -> tuple[LabelledImages, LabelledImages]:
    preset = PRESETS[name]
    if name == "imagenet" and Path(spec.place).is_dir():
        spec = replace(spec, place=f"imagenet:{spec.place}")
    if spec.place == preset.place:
        spec = spec.with_defaults(image=preset.image, label=preset.label)
    if preset.test is None:
        return _divided(spec, preset.n_training / (preset.n_training + preset.n_test), seed)
    capped = spec.with_defaults(per_class=preset.per_class)
    return _two_splits(capped, preset.training, preset.test, seed)


def _own(spec: Spec, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """The two splits of a data set that is no preset."""
    if spec.split is None and (splits := _splits_of(spec)) is not None:
        return _two_splits(spec, *splits, seed)
    return _divided(spec, 0.5, seed)


def _two_splits(spec: Spec, training: str, test: str, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """Of these names; `per_class` is of the training images alone."""
    learnt = open_labelled(replace(spec, split=training), seed=seed)
    return learnt, open_labelled(replace(spec, split=test, per_class=None), classes=learnt.classes)


def _divided(spec: Spec, share: float, seed: int) -> tuple[LabelledImages, LabelledImages]:
    """One split in two; `per_class` is of the training images alone, this share."""
    learnt, test = open_labelled(replace(spec, per_class=None)).divided(share, seed)
    return learnt if spec.per_class is None else learnt.capped(spec.per_class, seed), test


def _splits_of(spec: Spec) -> tuple[str, str] | None:
    """The names of a place's splits of training and test; None where it has one alone."""
    place = Path(spec.place)
    if spec.place.startswith("imagenet:"):
        return "train", "val"
    if place.is_dir():
        there = {entry.name for entry in place.iterdir() if entry.is_dir()}
        there |= {path.name.split("-")[0] for path in place.rglob("*.parquet")}
    elif place.exists() or len(place.parts) != 2:
        return None
    else:
        there = _splits_on_hub(spec.place)
    test = next((name for name in ("test", *VALIDATION) if name in there), None)
    return ("train", test) if "train" in there and test is not None else None


def _splits_on_hub(name: str) -> Sequence[str]:
    import datasets

    with asking_hub(name):
        return datasets.get_dataset_split_names(name)
