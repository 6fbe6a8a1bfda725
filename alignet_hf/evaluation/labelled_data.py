"""The labelled images that `evaluate` is given, opened once for all suites that read them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from alignet_hf.evaluation.vision.image_spec import Spec

if TYPE_CHECKING:
    from alignet_hf.evaluation.vision.labelled_images import LabelledImages


@dataclass(frozen=True)
class LabelledData:
    """Images to learn from and to test on, of the same classes.

    Args:
        training_spec, test_spec: as the command line names them, or None.
        seed: of the images that per-class= draws.
    """

    training_spec: str | None
    test_spec: str | None
    seed: int = 0

    def check(self) -> None:
        """Read the names, before anything is opened.

        Raises:
            InputError: an option in them that there is not.
        """
        for spec in (self.training_spec, self.test_spec):
            if spec is not None:
                Spec.parse(spec)

    @cached_property
    def training(self) -> "LabelledImages | None":
        from alignet_hf.evaluation.vision.labelled_images import open_labelled

        return None if self.training_spec is None else open_labelled(self.training_spec, seed=self.seed)

    @cached_property
    def test(self) -> "LabelledImages | None":
        """Their labels are rows of the training images' classes, where there are training images."""
        from alignet_hf.evaluation.vision.labelled_images import open_labelled

        if self.test_spec is None:
            return None
        classes = None if self.training is None else self.training.classes
        return open_labelled(self.test_spec, classes=classes, seed=self.seed)
