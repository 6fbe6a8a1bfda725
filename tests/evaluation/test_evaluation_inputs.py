"""What `evaluate` is given: which data sets, where their images are, and files read against their own readers."""

import itertools

import numpy as np
import pytest

from alignet_hf.data.multi_arrangement import read_arrangements
from alignet_hf.data.ratings import read_ratings
from alignet_hf.data.things import load_things
from alignet_hf.errors import InputError
from alignet_hf.evaluation.inputs import Reading, check_reading, image_paths, wanted_sets
from alignet_hf.evaluation.people_files import read_people

NAMES = ["ant.png", "bee.png", "cat.png", "dog.png", "elk.png", "fox.png"]
CATEGORIES = ("various", "animals", "automobiles", "fruits", "furniture", "vegetables")
RNG = np.random.default_rng(0)


class Shelf:
    """Image sources by data set, without images: their names stand for them."""

    def __init__(self, start: int = 0, **names):
        self.names, self.start = names, start

    def of(self, name: str):
        return self.names[name.replace("-", "_")], self.start


def read(given, images, **reading):
    notes = []
    return read_people(given, images, Reading(**reading), notes.append), notes


def square(n: int) -> np.ndarray:
    matrix = RNG.random((n, n))
    matrix += matrix.T
    np.fill_diagonal(matrix, 0)
    return matrix


def test_rsa_is_all_that_is_given_of_it():
    given = {"levels": 1, "king": 1, "cichy": 1, "choices": 1}
    assert wanted_sets(None, given) == ["choices", "levels", "cichy", "king"]
    assert wanted_sets("rsa,levels", given) == ["levels", "cichy", "king"]
    assert wanted_sets("king", given) == ["king"]


def test_each_data_set_has_its_images():
    wanted = ["things", "levels", "cichy", "king"]
    paths = image_paths("all", ["levels=a=b", "rsa=r", "king=k"], wanted)
    assert paths == {"things": "all", "levels": "a=b", "cichy": "r", "king": "k"}
    assert image_paths(None, ["rsa=r"], ["cichy", "king"]) == {"cichy": "r", "king": "r"}


@pytest.mark.parametrize(
    ("images", "images_of", "message"),
    [
        (None, [], "--levels: where are its images? Give IMAGES, or --images-of levels=PATH"),
        (None, ["levels=a"], "--king: where are its images"),
        ("all", ["levels"], "--images-of levels: give DATA=PATH, DATA one of choices, things, levels"),
        ("all", ["levels="], "--images-of levels=: give DATA=PATH"),
        ("all", ["birds=a"], "--images-of birds=a: give DATA=PATH"),
        ("all", ["levels=a", "levels=b"], "--images-of levels=b: the images of levels are given twice"),
        ("all", ["things=a"], "--images-of things=a: things is not scored on"),
        ("all", ["levels=a", "king=k"], "all: every data set has images of its own; leave this out"),
        ("all", ["rsa=r", "king=k"], "r: every data set has images of its own; leave this out"),
    ],
)
def test_images_of_nothing_and_data_without_images_are_refused(images, images_of, message):
    with pytest.raises(InputError) as error:
        image_paths(images, images_of, ["levels", "king"])
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("on", "given", "message"),
    [
        (None, {}, "give --triplets, --things, .*, --multi-arrangement, or several"),
        ("birds", {"king": 1}, "--on birds: choose among choices, .*, rsa"),
        ("levels", {"king": 1}, "--on levels: give --levels too"),
        ("rsa", {"levels": 1}, "--on rsa: give --dissimilarities or --cichy or .* too"),
    ],
)
def test_data_sets_that_are_not_there_are_refused(on, given, message):
    with pytest.raises(InputError, match=message):
        wanted_sets(on, given)


@pytest.mark.parametrize(
    ("reading", "wanted", "message"),
    [
        ({"scale": "1,7"}, ["king"], "--scale goes with --ratings"),
        ({"scale": "7,1"}, ["ratings"], "--scale 7,1: give the lowest and the highest"),
        ({"scale": "1-7"}, ["ratings"], "--scale 1-7"),
        ({"scale": "1,nan"}, ["ratings"], "--scale 1,nan"),
        ({"odd_column": 0}, ["levels"], "--odd-column goes with --triplets or --things"),
        ({"odd_column": 3}, ["choices"], "--odd-column 3: the odd one is in column 0, 1 or 2"),
        ({"kind": "similarity"}, ["king"], "--kind goes with --dissimilarities"),
        ({"kind": "likeness"}, ["matrices"], "--kind likeness: the matrices hold dissimilarity or similarity"),
        ({"key": "x"}, ["ratings"], "--key goes with --dissimilarities or --cichy or --king or --peterson"),
        ({"condensed": True}, ["ratings"], "--condensed goes with"),
        ({"names": "n.txt"}, ["king"], "--names goes with --dissimilarities"),
        ({"names": "n.txt", "in_order": True}, ["matrices"], "--names and --in-order contradict each other"),
        ({"in_order": True}, ["levels"], "--in-order goes with --dissimilarities"),
        ({"drop_missing": True}, ["king"], "--drop-missing goes with --levels"),
        ({"concepts": "c.tsv"}, ["levels"], "--concepts goes with --things"),
        ({}, ["things"], "--things: give --concepts too"),
    ],
)
def test_options_that_nothing_uses_are_refused(reading, wanted, message):
    with pytest.raises(InputError, match=message):
        check_reading(Reading(**reading), wanted)


def test_choices_are_rows_of_their_images_whichever_column_is_odd(tmp_path):
    (tmp_path / "t.txt").write_text("2 0 1\n3 1 2\n")
    people, _ = read({"choices": tmp_path / "t.txt"}, Shelf(10, choices=NAMES), odd_column=0)
    assert people.choices.tolist() == [[10, 11, 12], [11, 12, 13]]
    with pytest.raises(InputError, match=r"t\.txt: row 1 is out of range"):
        read({"choices": tmp_path / "t.txt"}, Shelf(choices=NAMES[:3]))


def test_a_random_share_of_things_is_said(tmp_path):
    triplets = np.array(list(itertools.permutations(range(6), 3)))
    np.savetxt(tmp_path / "triplets.txt", triplets, "%d")
    (tmp_path / "shown.tsv").write_text(
        "concept_index\tphoto\n" + "\n".join(f"{n}\t{name}" for n, name in enumerate(NAMES)) + "\n"
    )
    images, reading = Shelf(things=NAMES), {"concepts": tmp_path / "shown.tsv"}
    people, notes = read({"things": tmp_path}, images, **reading)
    np.testing.assert_array_equal(people.things, load_things(tmp_path).validation)
    assert notes == [f"{tmp_path}: holds no official split; scored are 12 of its 120 choices, 10 % drawn at random"]
    np.savetxt(tmp_path / "trainset.txt", triplets[1:], "%d")
    np.savetxt(tmp_path / "validationset.txt", triplets[:1], "%d")
    people, notes = read({"things": tmp_path}, images, **reading, odd_column=1)
    assert (people.things.tolist(), notes) == ([[0, 2, 1]], [])


def test_ratings_keep_people_apart_if_everybody_rated_everything(tmp_path):
    rows = [f"{p},{a},{b},{RNG.integers(1, 8)}" for p in "xyz" for a, b in itertools.combinations(NAMES, 2)]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(["participant,first,second,rating", *rows]) + "\n")
    images = Shelf(100, ratings=NAMES[::-1])
    people, notes = read({"ratings": path}, images, scale="1,7")
    found, places = people.matrices["ratings"]
    expected = read_ratings(path, scale=(1, 7)).dissimilarities(people_apart=True)
    np.testing.assert_array_equal(found.matrices, expected.matrices)
    assert (places.tolist(), notes) == ([105, 104, 103, 102, 101, 100], [])
    path.write_text("\n".join(["participant,first,second,rating", *rows[:-1]]) + "\n")
    people, notes = read({"ratings": path}, images)
    assert len(people.matrices["ratings"][0].matrices) == 1
    assert "not everybody rated every pair" in notes[0]
    path.write_text("\n".join(["participant,first,second,rating", *rows[:14]]) + "\n")
    with pytest.raises(InputError, match=r"r\.csv: ratings: nobody rated 'elk.png' and 'fox.png'"):
        read({"ratings": path}, images)
    path.write_text("\n".join(["participant,first,second,rating", *rows]) + "\n")
    with pytest.raises(InputError, match=r"r\.csv: 1 of 6 names \(fox.png\) are not among the 5 images"):
        read({"ratings": path}, Shelf(ratings=NAMES[:5]))


def test_tables_between_tabs_are_read_too(tmp_path):
    rows = [f"x\t{t}\t{name}\t{x}\t{y}" for t in "12" for name, (x, y) in zip(NAMES, RNG.random((6, 2)), strict=True)]
    path = tmp_path / "trials.tsv"
    path.write_text("\n".join(["participant\ttrial\tobject\tx\ty", *rows]) + "\n")
    people, _ = read({"multi-arrangement": path}, Shelf(multi_arrangement=NAMES))
    found, places = people.matrices["multi-arrangement"]
    np.testing.assert_array_equal(found.matrices, read_arrangements(path, "\t").matrices)
    assert places.tolist() == [0, 1, 2, 3, 4, 5]


def test_cichy_and_king_have_their_number_of_named_objects(tmp_path):
    names = [f"{n:03d}.jpg" for n in range(118)]
    np.savez(tmp_path / "c.npz", a=square(118), b=square(118))
    (tmp_path / "c.txt").write_text("\n".join(names) + "\n")
    people, _ = read({"cichy": tmp_path / "c.npz"}, Shelf(cichy=names[::-1]), key="b")
    found, places = people.matrices["cichy"]
    np.testing.assert_array_equal(found.matrices[0], np.load(tmp_path / "c.npz")["b"])
    assert places.tolist() == list(range(117, -1, -1))
    with pytest.raises(InputError, match=r"c\.npz: holds a, b; name the one to read"):
        read({"cichy": tmp_path / "c.npz"}, Shelf(cichy=names))
    with pytest.raises(InputError, match=r"holds 118 stimuli; king2019 has 144"):
        read({"king": tmp_path / "c.npz"}, Shelf(king=names), key="a")


def test_petersons_categories_are_looked_for_in_the_folders_of_their_names(tmp_path):
    names = [f"{n}.png" for n in range(120)]
    for category in CATEGORIES:
        np.save(tmp_path / f"{category}.npy", 10 - square(120))
        (tmp_path / f"{category}.txt").write_text("\n".join(names) + "\n")
    alike = [f"stimuli/{category}/{name}" for category in sorted(CATEGORIES) for name in names]
    people, _ = read({"peterson": tmp_path}, Shelf(peterson=alike))
    assert list(people.matrices) == [f"peterson/{category}" for category in CATEGORIES]
    for number, category in enumerate(sorted(CATEGORIES)):
        _, places = people.matrices[f"peterson/{category}"]
        np.testing.assert_array_equal(places, 120 * number + np.arange(120))
    with pytest.raises(InputError, match=r"various: .*ambiguous"):
        read({"peterson": tmp_path}, Shelf(peterson=[name.replace("/various/", "/x/") for name in alike]))
    (tmp_path / "fruits.npy").unlink()
    with pytest.raises(InputError, match="one file fruits"):
        read({"peterson": tmp_path}, Shelf(peterson=alike))


def test_matrices_without_names_are_in_order_by_request_alone(tmp_path):
    np.save(tmp_path / "m.npy", square(6))
    given = {"matrices": tmp_path / "m.npy"}
    with pytest.raises(InputError, match=r"give --names FILE, or --in-order"):
        read(given, Shelf(matrices=NAMES))
    people, _ = read(given, Shelf(5, matrices=NAMES), in_order=True)
    assert people.matrices["matrices"][1].tolist() == [5, 6, 7, 8, 9, 10]
    with pytest.raises(InputError, match="6 objects were judged, but there are 5 images"):
        read(given, Shelf(matrices=NAMES[:5]), in_order=True)
