"""The similarity judgments that the paper scores on, checked against what is known of them (Secs. 2.2 and A.2).

| set | stimuli | how people judged |
|---|---|---|
| Cichy 2019 | 118 photographs | multi-arrangement: dissimilarities |
| King 2019 | 144 photographs | multi-arrangement: dissimilarities |
| Peterson 2016, 2018 | 120 photographs in each of six categories | Likert scale, 0 to 10: similarities |

None of these may be passed on with this package. The 92 objects come with it (`alignet_hf.demo.objects92`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from alignet_hf.data.matrix_files import SUFFIXES, read_names
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.errors import InputError

# The paper's two levels: a score on "various" is coarse-grained, the mean of the other five fine-grained.
PETERSON_COARSE = "various"
PETERSON_FINE = ("animals", "automobiles", "fruits", "furniture", "vegetables")
N_STIMULI = {"cichy2019": 118, "king2019": 144, "peterson": 120}


def load_objects92() -> Dissimilarities:
    """The embedded judgments of 92 objects by 16 people, with the names of the photographs."""
    from alignet_hf.demo import objects92

    names = sorted(path.name for path in (objects92.FOLDER / "images").glob("*.jpg"))
    return Dissimilarities(objects92.people(), tuple(names))


def load_multi_arrangement_set(
    name: Literal["cichy2019", "king2019"],
    path: str | Path,
    *,
    names: Sequence[str] | None = None,
    key: str | None = None,
    condensed: bool = False,
) -> Dissimilarities:
    """Cichy 2019 or King 2019, from a file of dissimilarities.

    Args:
        path, names, key, condensed: as for `Dissimilarities.load`. A text file beside it with the same stem and the
            suffix .txt, a name a line, names the stimuli where neither the file nor `names` does.

    Raises:
        InputError: naming the file, if it has no names or another number of stimuli.
    """
    return _load(name, Path(path), "dissimilarity", names, key, condensed)


def load_peterson(folder: str | Path, *, key: str | None = None, condensed: bool = False) -> dict[str, Dissimilarities]:
    """Peterson 2016, 2018: {category: judgments}, "various" first.

    Args:
        folder: with a file of similarities for each category, `animals.mat` say (any format of
            `Dissimilarities.load`), that names its stimuli or has `animals.txt` beside it, a name a line.
        key, condensed: as for `Dissimilarities.load`, of every file.

    Raises:
        InputError: naming the category whose file is missing or wrong.
    """
    sets = {}
    for category in (PETERSON_COARSE, *PETERSON_FINE):
        paths = [path for suffix in SUFFIXES if (path := Path(folder) / f"{category}{suffix}").is_file()]
        if len(paths) != 1:
            found = ", ".join(path.name for path in paths) or "none"
            raise InputError(f"{folder}: one file {category} ({', '.join(SUFFIXES)}) is needed; found {found}")
        sets[category] = _load("peterson", paths[0], "similarity", None, key, condensed)
    return sets


def _load(name: str, path: Path, kind: str, names, key: str | None, condensed: bool) -> Dissimilarities:
    beside = path.with_suffix(".txt")
    if names is None and beside.is_file():
        names = read_names(beside)
    people = Dissimilarities.load(path, key, kind=kind, names=names, condensed=condensed)
    if people.n_objects != N_STIMULI[name]:
        raise InputError(
            f"{path}: holds {people.n_objects} stimuli; {name} has {N_STIMULI[name]} "
            "(Dissimilarities.load reads matrices of any size)"
        )
    if people.names is None:
        raise InputError(
            f"{path}: does not name its stimuli; put their names, in the matrix's order, into {beside.name}"
        )
    return people
