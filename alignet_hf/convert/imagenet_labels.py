"""The 1,000 classes of ImageNet by name, in the order of the authors' ImageNet head: that of their WordNet ids, sorted.

Source: timm (Apache-2.0), and WordNet; see IMAGENET_NOTICE.txt.
"""

from collections import Counter
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("imagenet_classes.tsv")


@cache
def imagenet_classes() -> dict[str, str]:
    """WordNet id -> synonyms, of the 1,000 classes in order: {"n01440764": "tench, Tinca tinca", ...}."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def label_names(n_labels: int) -> dict[int, str]:
    """Number of a label -> its name, no two alike: ImageNet's where there are 1,000, "LABEL_0", ... otherwise."""
    classes = imagenet_classes()
    if n_labels != len(classes):
        return {number: f"LABEL_{number}" for number in range(n_labels)}
    times = Counter(classes.values())  # two are called "crane"
    names = (name if times[name] == 1 else f"{name} ({wnid})" for wnid, name in classes.items())
    return dict(enumerate(names))
