"""Where WordNet's nouns can be read from: a database file, nltk's corpus, a lexicon of `wn`, a file of pairs.

ImageNet names its classes by WordNet ids: "n" and the offset of the noun in the database of WordNet 3.0. Other versions
have other offsets, and their ids would name other things; a source that is not version 3.0 is refused.
Each reader gives two mappings: node -> its parents, and node -> its name.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from alignet_hf.errors import InputError

Nodes = tuple[dict[str, tuple[str, ...]], dict[str, str]]

# Debian's and Ubuntu's package wordnet-base puts its database there.
DEBIAN_FOLDER = Path("/usr/share/wordnet")
HOW_TO_GET = (
    'get WordNet 3.0 by nltk.download("wordnet"), by wn.download("omw-en:1.4") or by apt install wordnet-base, or give '
    "a folder with its data.noun"
)
# What version 3.0 has at these offsets, and no other version has.
VERSION_3_0 = {"n02084071": "dog", "n03001627": "chair", "n04524313": "vehicle"}


def read_folder(folder: str | Path) -> Nodes:
    """The nouns of a folder of WordNet's database files; data.noun is all that is read.

    Raises:
        InputError: no such file, a line that is not of WordNet's format, or another version than 3.0.
    """
    path = Path(folder) / "data.noun"
    try:
        with path.open("rb") as file:
            return read_data_noun(file, str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {HOW_TO_GET}") from error


def read_nltk() -> Nodes:
    """The nouns of nltk's corpus "wordnet", wherever nltk finds it, unpacked or not.

    nltk locates the file, which is read as that of a folder is.

    Raises:
        InputError: nltk or its corpus is not there, or it is another version than 3.0.
    """
    try:
        import nltk
    except ImportError as error:
        raise InputError("nltk is not installed: pip install nltk") from error
    try:
        found = nltk.data.find("corpora/wordnet/data.noun")
    except LookupError as error:
        raise InputError(f"nltk has no corpus wordnet; {HOW_TO_GET}") from error
    with found.open() as file:
        return read_data_noun(file, str(found))


def has_nltk() -> bool:
    """Whether nltk is installed and finds its corpus "wordnet"."""
    try:
        import nltk

        nltk.data.find("corpora/wordnet/data.noun")
    except (ImportError, LookupError):
        return False
    return True


def read_data_noun(lines: Iterable[bytes], path: str) -> Nodes:
    """The nouns of a database file (https://wordnet.princeton.edu/documentation/wndb5wn), instances among them."""
    parents, names = {}, {}
    for row, line in enumerate(lines, 1):
        if line.startswith(b"  "):  # the licence
            continue
        try:
            offset, _, _, n_words, *fields = line.split(b"|")[0].decode("ascii").split()
            n_words = int(n_words, 16)
            n_pointers = int(fields[2 * n_words])
            pointers = fields[2 * n_words + 1 :][: 4 * n_pointers]
            symbols, targets = pointers[::4], pointers[1::4]
            if not re.fullmatch(r"\d{8}", offset) or len(pointers) != 4 * n_pointers:
                raise ValueError("offset or number of pointers")
        except (ValueError, IndexError) as error:
            raise InputError(f"{path}, line {row}: not a line of WordNet's data.noun ({error})") from error
        node = f"n{offset}"
        # "@" is a hypernym, "@i" what this is an instance of: Fido's dog.
        parents[node] = tuple(f"n{target}" for symbol, target in zip(symbols, targets, strict=True) if symbol[0] == "@")
        names[node] = fields[0].replace("_", " ")
    refuse_other_versions(names, path)
    return parents, names


def read_wn(lexicon: str) -> Nodes:
    """The nouns of a lexicon that the package `wn` holds; "omw-en:1.4" is WordNet 3.0, and takes half a minute.

    Raises:
        InputError: wn or the lexicon is not there, its synsets do not carry WordNet's offsets (Open English WordNet's
            do not), or it is another version than 3.0.
    """
    try:
        import wn
    except ImportError as error:
        raise InputError("wn is not installed: pip install wn") from error
    try:
        wordnet = wn.Wordnet(lexicon, expand="")
    except wn.Error as error:
        raise InputError(f'wn has no lexicon {lexicon}: wn.download("{lexicon}")') from error

    def node_of(synset) -> str:
        found = re.search(r"(?:^|-)(\d{8})-n$", synset.id)
        if found is None:
            raise InputError(
                f"{lexicon}: synset {synset.id} carries no offset of WordNet 3.0, by which ImageNet names its classes; "
                'use wn.download("omw-en:1.4")'
            )
        return f"n{found[1]}"

    parents, names = {}, {}
    for synset in wordnet.synsets(pos="n"):
        node = node_of(synset)
        above = synset.get_related("hypernym", "instance_hypernym")
        parents[node] = tuple(node_of(one) for one in above)
        names[node] = next(iter(synset.lemmas()), node)
    refuse_other_versions(names, lexicon)
    return parents, names


def refuse_other_versions(names: dict[str, str], source: str) -> None:
    """Refuse nouns that do not lie where WordNet 3.0 has them."""
    for node, name in VERSION_3_0.items():
        if names.get(node) != name:
            has = f"has {names[node]} there" if node in names else "has nothing there"
            raise InputError(
                f"{source}: {node} is {name} in WordNet 3.0, whose offsets name ImageNet's classes, but this {has}; "
                f"{HOW_TO_GET}"
            )


def read_is_a(path: str | Path, names: str | Path | None = None) -> Nodes:
    """A hierarchy of "parent child" lines, such as ImageNet's wordnet.is_a.txt or BREEDS' class_hierarchy.txt.

    Args:
        names: of "node<TAB>name" lines, such as ImageNet's words.txt or BREEDS' node_names.txt; of a name with commas
            the first part is taken.

    Raises:
        InputError: a file that cannot be read, or a line without two parts.
    """
    parents: dict[str, tuple[str, ...]] = {}
    for row, line in enumerate(_lines(path), 1):
        parts = line.split()
        if len(parts) != 2:
            raise InputError(f'{path}, line {row}: {line!r}; a line is "parent child"')
        parent, child = parts
        parents.setdefault(parent, ())
        if parent not in parents.get(child, ()):
            parents[child] = (*parents.get(child, ()), parent)
    if not parents:
        raise InputError(f'{path}: no line; expected "parent child" lines')
    return parents, {} if names is None else read_names(names)


def read_names(path: str | Path) -> dict[str, str]:
    """Names of nodes, one "node<TAB>name" a line."""
    names = {}
    for row, line in enumerate(_lines(path), 1):
        node, tab, name = line.partition("\t")
        if not tab or not name.strip():
            raise InputError(f'{path}, line {row}: {line!r}; a line is "node<TAB>name"')
        names[node.strip()] = name.split(",")[0].strip()
    return names


def _lines(path: str | Path) -> list[str]:
    try:
        return [line for line in Path(path).read_text("utf-8").splitlines() if line.strip()]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file (UTF-8): {error.reason} at byte {error.start}") from error
