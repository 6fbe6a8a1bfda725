"""Levels from simulated raw files to a data set: against pandas and scipy, to disk and back, onto an image source."""

import json

import datasets
import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy
from simulated_levels import experiment_trials, simulated_trials, write_simulated, write_simulated_design

from alignet_hf.data.levels import FEATURES, LevelsDataset, load_levels
from alignet_hf.data.names import MissingNamesError
from alignet_hf.errors import InputError
from alignet_hf.evaluation.human.noise_ceiling import noise_ceiling


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Simulated files of ten people: one is inattentive, two share their trials, one sees the images in other places,
    one is slow once and times out once."""
    folder = tmp_path_factory.mktemp("levels")
    people = simulated_trials(write_simulated_design(folder / "design.csv"))
    for trial in people["participant_2"]:
        if trial["exp_trial_type"] == "catch_trial":
            trial["catch_trial_correct"] = False
    twin = simulated_trials(folder / "design.csv", seed=1)["participant_4"]
    people["participant_5"] = [trial | {"subject_id": "participant_5"} for trial in twin]
    experiment_trials(people["participant_7"])[3]["rt"] = 10_001
    experiment_trials(people["participant_7"])[4] |= {"selected_image": "No image selected", "rt": None}
    for trial in experiment_trials(people["participant_8"]):
        trial |= {f"image{n}Path": trial[f"image{n % 3 + 1}Path"] for n in (1, 2, 3)}
    return write_simulated(folder / "raw", people)


@pytest.fixture(scope="module")
def by_pandas(raw) -> pd.DataFrame:
    """Every response that counts, a row each."""
    table = pd.concat(pd.DataFrame(json.loads(path.read_text())) for path in sorted(raw.iterdir()))
    table = table[(table.exp_trial_type == "exp_trial") & (table.subject_id != "participant_2")]
    table = table[table.selected_image != "No image selected"]
    images = table[["image1Path", "image2Path", "image3Path"]].map(lambda path: path.split("/")[-1])
    table["triplet"] = images.apply(lambda row: "|".join(sorted(row)), axis=1)
    table["selected"] = table.selected_image.map(lambda path: path.split("/")[-1])
    return table


def test_simulated_responses_are_counted_as_pandas_counts_them(raw, by_pandas):
    levels = load_levels(raw)
    assert isinstance(levels, datasets.Dataset)
    assert levels.features == FEATURES
    assert len(levels) == by_pandas.triplet.nunique() == 24
    n_ids = {"coarse-grained": 3, "class-boundary": 2, "fine-grained": 1}
    own = by_pandas[~by_pandas.subject_id.isin(["participant_4", "participant_5"])]
    for row, level in zip(levels, levels.levels, strict=True):
        triplet = "|".join(sorted(row["filenames"]))
        answers = by_pandas[by_pandas.triplet == triplet]
        assert sorted(row["participants"]) == sorted(answers.subject_id)
        counts = [(answers.selected == name).sum() for name in row["filenames"]]
        assert row["counts"] == counts
        assert [row["choices"].count(item) for item in range(3)] == counts
        assert row["majority"] == (int(np.argmax(counts)) if counts.count(max(counts)) == 1 else None)
        assert len({name[:9] for name in row["filenames"]}) == n_ids[level]
        answers = own[own.triplet == triplet]
        np.testing.assert_allclose(row["entropy"], entropy(answers.selected.value_counts()), atol=1e-12)
        times = answers.rt[answers.rt <= 10_000].astype(float)
        np.testing.assert_allclose(row["mean_log_rt"], np.log(times).mean())
        given = {name: time for name, time in zip(row["participants"], row["response_times"], strict=True) if time}
        assert given == dict(zip(answers.subject_id[answers.rt <= 10_000], times, strict=True))


def test_what_was_excluded_is_reported(raw):
    exclusions = load_levels(raw).exclusions
    assert exclusions.inattentive == ("participant_2",)
    assert exclusions.sharing == ("participant_4", "participant_5")
    assert (exclusions.n_timeouts, exclusions.n_long) == (1, 1)


def test_matrices_and_shares_are_those_of_the_rows(raw):
    levels = load_levels(raw)
    choices, times = levels.choice_matrix(), levels.response_time_matrix()
    assert choices.shape == times.shape == (24, max(map(len, levels["choices"])))
    for row, choice, time, shares in zip(levels, choices, times, levels.shares, strict=True):
        assert choice[choice >= 0].tolist() == row["choices"]
        assert time[~np.isnan(time)].tolist() == [value for value in row["response_times"] if value]
        # Whoever finds the third odd finds the first pair, ij, the most similar.
        np.testing.assert_allclose(shares, np.array(row["counts"])[[2, 1, 0]] / len(row["choices"]))
    ceiling = noise_ceiling(choices)
    assert ceiling.n_responses == sum(map(len, levels["choices"]))


def test_it_is_saved_and_loaded_with_its_card(raw, tmp_path):
    levels = load_levels(raw)
    loaded = load_levels(levels.save(tmp_path / "a"))
    assert isinstance(loaded, LevelsDataset)
    assert loaded.to_list() == levels.to_list()
    assert loaded.features == levels.features
    assert loaded.exclusions == levels.exclusions
    assert (loaded.save(tmp_path / "b") / "test.parquet").read_bytes() == (tmp_path / "a/test.parquet").read_bytes()
    card = (tmp_path / "a/README.md").read_text()
    assert "| participants under 90% on catch trials | 1 | everything |" in card
    assert "| coarse-grained | 8 |" in card
    by_the_card = datasets.load_dataset(str(tmp_path / "a"), cache_dir=tmp_path / "cache", split="test")
    assert by_the_card.to_list() == levels.to_list()
    assert by_the_card.features["level"].names == ["coarse-grained", "fine-grained", "class-boundary"]


def test_shards_as_datasets_writes_them_are_read(raw, tmp_path):
    levels = load_levels(raw)
    (tmp_path / "data").mkdir()
    for shard in range(2):
        levels.select(range(12 * shard, 12 * shard + 12)).to_parquet(
            tmp_path / f"data/test-0000{shard}-of-00002.parquet"
        )
    loaded = load_levels(tmp_path)
    assert loaded.to_list() == levels.to_list()
    assert loaded.exclusions is None
    with pytest.raises(InputError, match="no split 'valid'"):
        load_levels(tmp_path, split="valid")


def test_it_is_pushed_in_one_commit_and_loaded_from_there(raw, monkeypatch):
    pushed = {}

    def push_folder(folder, repo_id, **options):
        pushed.update(files=sorted(path.name for path in folder.iterdir()), repo_id=repo_id, **options)
        return "address"

    monkeypatch.setattr("alignet_hf.data.levels.push_folder", push_folder)
    assert load_levels(raw).push_to_hub("me/levels", private=True) == "address"
    assert pushed["files"] == ["README.md", "test.parquet"]
    assert (pushed["repo_id"], pushed["repo_type"], pushed["private"]) == ("me/levels", "dataset", True)


def test_images_are_found_by_file_name_wherever_they_lie(raw):
    filenames = {name for row in load_levels(raw) for name in row["filenames"]}
    names = [f"train/{name[:9]}/{name}" for name in sorted(filenames, reverse=True)] + ["train/other.JPEG"]
    levels = load_levels(raw, names)
    for row, indices in zip(levels, levels.indices, strict=True):
        assert [names[index].split("/")[-1] for index in indices] == row["filenames"]
    triplets, rows = levels.majority_triplets()
    assert 0 < len(rows) < len(levels)
    for triplet, row in zip(triplets, rows, strict=True):
        counts = levels[int(row)]["counts"]
        odd = levels[int(row)]["filenames"][counts.index(max(counts))]
        assert names[triplet[2]].endswith(odd)
        assert set(triplet) == set(levels.indices[row])


def test_missing_images_are_counted_and_all_named(raw):
    whole = load_levels(raw)
    filenames = sorted({name for row in whole for name in row["filenames"]})
    with pytest.raises(
        MissingNamesError, match=rf"4 of 72 names \({filenames[0]}, .*, \.\.\.\) are not among the 68 images, of"
    ) as error:
        load_levels(raw, filenames[4:])
    assert error.value.missing == tuple(filenames[:4])
    assert filenames[3] not in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.warns(UserWarning, match="4 of 72 names .* left out; .*`missing` names all"):
        levels = load_levels(raw, filenames[4:], drop_missing=True)
    assert levels.missing == tuple(filenames[:4])
    assert load_levels(raw, filenames).missing == whole.missing == ()
    assert 20 <= len(levels) < 24
    assert not set(filenames[:4]) & {name for row in levels for name in row["filenames"]}
    with pytest.raises(MissingNamesError, match="of 24 of 24 triplets") as error:
        load_levels(raw, ["a.jpg"], drop_missing=True)
    assert error.value.missing == tuple(filenames)
    with pytest.raises(InputError, match=r"is ambiguous: 'a/.*' and 'b/"):
        load_levels(raw, [f"{folder}/{name}" for folder in "ab" for name in filenames])
    with pytest.raises(InputError, match="no images were given"):
        _ = load_levels(raw).indices


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("level", 0, "row 1: .* are no coarse-grained triplet"),
        ("counts", [5, 0, 1], r"row 1: counts \[5, 0, 1\] are not those of the choices"),
        ("choices", [3], "row 1: counts .* each 0, 1 or 2"),
        ("response_times", [0.0], "row 1: .* are not positive response times"),
        ("response_times", [np.inf], "row 1: .* are not positive response times"),
        ("filenames", ["a", "b", "c"], "row 1: 'a' does not begin with an ImageNet id"),
        ("filenames", None, "row 1: filenames is None; a null has no meaning there"),
        ("filenames", ["a", None, "c"], "row 1: filenames is .*; a null has no meaning there"),
        ("level", None, "row 1: level is None"),
        ("response_times", None, "row 1: response_times is None"),
        ("participants", ["somebody"], "row 1: 1 participants made 5 choices"),
        ("majority", 7, "row 1: majority 7 is not that of the counts"),
        ("entropy", 99.0, "row 1: entropy 99 is not between 0 and log 3"),
    ],
)
def test_bad_rows_of_a_parquet_file_are_named(raw, tmp_path, column, value, message):
    rows = load_levels(raw).to_list()
    # The second row, so that the number in the message means something; not coarse-grained, so that 0 is wrong.
    rows[1] = next(row for row in rows if row["level"] == 2) | {column: value}
    datasets.Dataset.from_list(rows, FEATURES).to_parquet(tmp_path / "test.parquet")
    with pytest.raises(InputError, match=rf"test\.parquet: {message}"):
        load_levels(tmp_path / "test.parquet")


def test_files_of_something_else_are_named(tmp_path):
    with pytest.raises(InputError, match="no such folder, and not a Hub repository's name"):
        load_levels(tmp_path / "nothing")
    (tmp_path / "test.parquet").write_text("not Parquet")
    with pytest.raises(InputError, match=r"test\.parquet: not Parquet of Levels"):
        load_levels(tmp_path)
    datasets.Dataset.from_dict({"x": [1]}).to_parquet(tmp_path / "test.parquet")
    with pytest.raises(InputError, match="expected the columns of Levels"):
        load_levels(tmp_path)
