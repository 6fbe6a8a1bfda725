"""Every reader of text: with a byte order mark, with mixed line endings, and cut off anywhere.

A file cut off is refused, unless it ends with a whole line, which no reader can tell from a shorter file; where only
the last value may have lost something, it is warned of.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_levels import simulated_trials, write_simulated, write_simulated_design

from alignet_hf.data.levels_design import load_design
from alignet_hf.data.levels_responses import read_participants
from alignet_hf.data.matrix_files import read_names
from alignet_hf.data.similarity_matrices import Dissimilarities
from alignet_hf.data.text_triplets import read_triplets
from alignet_hf.data.things import read_concept_images, read_concepts
from alignet_hf.errors import InputError

NAMES = [f"object {number:03d}.jpg" for number in range(12)]


@dataclass(frozen=True)
class Reader:
    """`write` a file that `read` turns into a list, a row of the file each."""

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], list]


def _triplets(path: Path) -> None:
    rows = np.random.default_rng(0).permuted(np.tile(np.arange(100, 200), (20, 1)), axis=1)[:, :3]
    np.savetxt(path, rows, "%d")


def _design(path: Path) -> None:
    write_simulated_design(path, n_sets=1, n_triplets=3)


def _participant(suffix: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        people = simulated_trials(write_simulated_design(path.with_suffix(".design"), n_sets=1, n_triplets=4))
        write_simulated(path.parent, {path.stem: people["participant_0"]}, suffix)

    return write


def _responses(path: Path) -> list:
    people = read_participants(path)
    return [response for person in people for response in person.responses]


def _concepts(path: Path) -> None:
    path.write_text(
        "uniqueID\tDefinition (from WordNet, Google, or Wikipedia)\tWordnet ID4\n"
        + "".join(f'bat{row}\t"a ""nocturnal""\tmammal"\tbat.n.{row}\n' for row in range(10, 16))
    )


def _rows_of_concepts(path: Path) -> list:
    concepts = read_concepts(path)
    return list(zip(concepts.names, concepts.wordnet_ids, concepts.definitions, strict=True))


def _concept_images(path: Path) -> None:
    path.write_text("concept_index\tphoto\n" + "".join(f"{row}\t{name}\n" for row, name in enumerate(NAMES)))


def _matrix(path: Path) -> None:
    points = np.random.default_rng(0).random((6, 2))
    matrix = np.abs(points[:, None] - points[None]).sum(-1)
    pd.DataFrame(matrix, NAMES[:6], NAMES[:6]).to_csv(path)


def _matrix_rows(path: Path) -> list:
    people = Dissimilarities.load(path)
    return [*people.matrices[0].tolist(), people.names]


READERS = [
    Reader("triplets.txt", _triplets, lambda path: read_triplets(path, 200).tolist()),
    Reader("design.csv", _design, lambda path: list(zip(*vars(load_design(path)).values(), strict=True))),
    Reader("participant.json", _participant(".json"), _responses),
    Reader("participant.csv", _participant(".csv"), _responses),
    Reader("names.txt", lambda path: path.write_text("\n".join(NAMES) + "\n"), read_names),
    Reader("concepts.tsv", _concepts, _rows_of_concepts),
    Reader("images.tsv", _concept_images, lambda path: sorted(read_concept_images(path, NAMES, len(NAMES)).items())),
    Reader("matrix.csv", _matrix, _matrix_rows),
]
every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)


@every_reader
def test_a_byte_order_mark_does_no_harm(reader, tmp_path):
    path = tmp_path / reader.name
    reader.write(path)
    expected = reader.read(path)
    assert expected
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert reader.read(path) == expected


@every_reader
def test_mixed_line_endings_do_no_harm(reader, tmp_path):
    path = tmp_path / reader.name
    reader.write(path)
    expected = reader.read(path)
    text = path.read_bytes().decode().replace("\r\n", "\n")
    if path.suffix == ".json":
        text = text.replace(", {", ",\n{").replace(', "', ',\n"')
    assert text.count("\n") > 5, "too few lines to mix"
    endings = ("\r\n", "\n", "\r")
    lines = text.split("\n")
    text = "".join(line + endings[number % 3] for number, line in enumerate(lines[:-1])) + lines[-1]
    path.write_bytes(text.encode())
    assert reader.read(path) == expected


@every_reader
def test_a_file_cut_off_anywhere_is_refused_or_warned_of_or_has_whole_rows_alone(reader, tmp_path):
    path = tmp_path / reader.name
    reader.write(path)
    content, whole = path.read_bytes(), reader.read(path)
    refusals = []
    for length in range(0, len(content) - 1, 7 if len(content) > 2000 else 1):
        path.write_bytes(content[:length])
        with warnings.catch_warnings(record=True) as given:
            warnings.simplefilter("always")
            try:
                found = reader.read(path)
            except InputError as error:
                refusals.append(str(error))
                continue
        warned = any("no line ending; is the file cut off there" in str(one.message) for one in given)
        # Of names nothing more is known; see the next test.
        sure = len(found) - 1 if found and (warned or reader.name == "names.txt") else len(found)
        assert found[:sure] == whole[:sure], content[:length].decode()[-60:]
    assert len(refusals) > 20 or reader.name == "names.txt"
    assert all(str(path) in message and "\n" not in message for message in refusals)


def test_names_cut_off_anywhere_do_not_find_another_image(tmp_path):
    """Nothing is wrong with a list of names that is cut off, until the matrix is asked for its images."""
    matrix = np.ones((len(NAMES), len(NAMES))) - np.eye(len(NAMES))
    np.save(tmp_path / "matrix.npy", matrix)
    text = "\n".join(NAMES) + "\n"
    for length in range(len(text)):
        (tmp_path / "names.txt").write_text(text[:length])
        names = read_names(tmp_path / "names.txt")
        try:
            rows = Dissimilarities.load(tmp_path / "matrix.npy", names=names).rows_in(NAMES)
        except InputError:
            continue
        assert rows.tolist() == list(range(len(NAMES)))
        assert length >= len(text) - len(".jpg\n")


def test_a_whole_file_without_a_last_line_ending_is_read_with_a_warning(tmp_path):
    (tmp_path / "t.txt").write_text("0 1 2\n3 4 5")
    with pytest.warns(UserWarning, match=r"t\.txt: the last line has no line ending; is the file cut off there\?"):
        assert read_triplets(tmp_path / "t.txt").tolist() == [[0, 1, 2], [3, 4, 5]]
    _concept_images(tmp_path / "c.tsv")
    (tmp_path / "c.tsv").write_text((tmp_path / "c.tsv").read_text()[:-1])
    with pytest.warns(UserWarning, match=r"c\.tsv: the last line"):
        assert len(read_concept_images(tmp_path / "c.tsv", NAMES, len(NAMES))) == len(NAMES)


def test_a_simulated_participant_s_csv_must_end_its_last_line(tmp_path):
    """Cut off within the last field, of a response time say, nothing else would be wrong with it."""
    _participant(".csv")(tmp_path / "p.csv")
    content = (tmp_path / "p.csv").read_bytes()
    (tmp_path / "p.csv").write_bytes(content.rstrip())
    with pytest.raises(InputError, match=r"p\.csv: the last line has no line ending; is the file cut off there"):
        read_participants(tmp_path / "p.csv")
