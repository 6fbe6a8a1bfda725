"""What the vision tests need of their images, checked before the first of them is embedded, which may take hours."""

import numpy as np

from alignet_hf.data.images import image_names
from alignet_hf.errors import InputError
from alignet_hf.evaluation.vision.data import VisionImages
from alignet_hf.evaluation.vision.few_shot import require_method
from alignet_hf.evaluation.vision.imagenet_variants import read_real
from alignet_hf.evaluation.vision.options import VisionOptions
from alignet_hf.evaluation.vision.shots import validate_shots
from alignet_hf.evaluation.vision.subpopulation_shift import require_subclasses


def check_images(images: VisionImages, options: VisionOptions) -> None:
    """Check that every test has the classes, the images of each and the labels that it needs.

    Where images turn out not to be decodable and are skipped, the tests themselves refuse what is left.

    Raises:
        InputError: naming the option, the class and how many images of it there are.
    """
    for method in options.classifiers:
        require_method(method)
    own = {} if images.training is None else {"": (images.training, images.test)}
    for name, (training, test) in (own | dict(images.few_shot)).items():
        for n_shots in options.shots:
            try:
                validate_shots(training, test, n_shots)
            except InputError as error:
                raise InputError(f"--shots {n_shots}: few-shot{f', {name}' if name else ''}: {error}") from error
    if images.training is None:
        return
    if np.bincount(images.training.labels).max() < 2:
        raise InputError(
            f"{images.training.name}: every class has one training image alone, and the linear read-out holds some out "
            "to choose its regularization by; give two at least of some classes"
        )
    known = set(images.training.classes)
    for name, variant in images.robustness.items():
        if unknown := [one for one in variant.classes if one not in known]:
            raise InputError(
                f"--robustness: {name} has images of class {unknown[0]}, which the training images do not have (nor "
                f"{len(unknown) - 1} of its other classes); give training images of all classes of ImageNet"
            )
    for task in images.tasks.values():
        require_subclasses(images.training, task, task.source, "training")
        for subclasses in (task.source, task.target):
            require_subclasses(images.test, task, subclasses, "test")
    if images.real is not None and not any(read_real(images.real, image_names(images.test.images))):
        raise InputError(f"{images.real}: ReaL has no label of any of the {len(images.test)} test images")
