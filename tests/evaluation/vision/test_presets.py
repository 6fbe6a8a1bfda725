import datasets
import httpx2
import numpy as np
import pytest
from PIL import Image

from alignet_hf.convert.imagenet_labels import imagenet_classes
from alignet_hf.errors import HubError, InputError
from alignet_hf.evaluation.vision.few_shot_data import few_shot_data
from alignet_hf.evaluation.vision.presets import PRESETS, presets_text


def write_photos(folder, **of_class) -> None:
    rng = np.random.default_rng(len(of_class))
    for name, n in of_class.items():
        (folder / name).mkdir(parents=True)
        for number in range(n):
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(folder / name / f"{number}.png")


def test_the_nine_data_sets_that_the_paper_names_are_there_and_a_tenth_that_it_may_mean():
    names = ["imagenet", "places365", "cifar100", "birds", "cars", "flowers", "pets", "uc_merced", "colon", "dtd"]
    assert list(PRESETS) == names  # eight of B.2.1, colon of section 2.4
    for preset in PRESETS.values():
        assert preset.licence
        assert preset.source.startswith("http")
        assert min(preset.n_training, preset.n_test) >= preset.n_classes > 1
        assert preset.place is None or len(preset.place.split("/")) == 2
    assert all(f"\n{name}: {preset.title}" in presets_text() for name, preset in PRESETS.items())
    assert "the nine that the paper names and DTD for its tenth" in presets_text()
    assert "does not name it" in PRESETS["dtd"].note


def test_a_preset_with_a_copy_of_ones_own(tmp_path):
    write_photos(tmp_path / "train", ant=4, bee=5)
    write_photos(tmp_path / "test", bee=2)
    name, training, test = few_shot_data(f"pets={tmp_path}")
    assert name == "pets"
    assert np.bincount(training.labels).tolist() == [4, 5]
    assert test.labels.tolist() == [1, 1]


def test_of_many_images_a_class_some_are_drawn_from(tmp_path):
    write_photos(tmp_path / "train", ant=60, bee=3)
    write_photos(tmp_path / "val", ant=1)
    _, training, test = few_shot_data(f"places365={tmp_path}")
    assert np.bincount(training.labels).tolist() == [50, 3]
    assert test.labels.tolist() == [0]


def test_one_split_is_divided(tmp_path):
    write_photos(tmp_path, ant=10, bee=11)
    _, training, test = few_shot_data(f"uc_merced={tmp_path}", seed=1)
    assert (len(training), len(test)) == (10, 11)  # 48 of a hundred
    assert not set(training.images.names) & set(test.images.names)
    assert few_shot_data(f"uc_merced={tmp_path}", seed=1)[1].images.names == training.images.names
    name, training, test = few_shot_data(f"mine={tmp_path}")
    assert (name, len(training), len(test)) == ("mine", 11, 10)


def test_a_data_set_of_ones_own_with_two_splits(tmp_path):
    write_photos(tmp_path / "train", ant=4, bee=5)
    write_photos(tmp_path / "validation", ant=1, bee=1)
    _, training, test = few_shot_data(f"mine={tmp_path}")
    assert (len(training), len(test)) == (9, 2)


def test_classes_of_one_image_cannot_be_divided(tmp_path):
    write_photos(tmp_path, ant=1, bee=1)
    with pytest.raises(InputError, match=r"no class has two images, so they cannot be divided .* give both"):
        few_shot_data(f"mine={tmp_path}")


def test_the_split_of_a_data_set_with_two_is_not_chosen(tmp_path):
    write_photos(tmp_path / "train", ant=4, bee=5)
    write_photos(tmp_path / "test", bee=2)
    with pytest.raises(InputError, match=r"--few-shot pets=.*,split=train: pets has splits of its own, train and test"):
        few_shot_data(f"pets={tmp_path},split=train")
    assert [len(part) for part in few_shot_data(f"uc_merced={tmp_path},split=train")[1:]] == [4, 5]


def test_per_class_caps_the_training_images_alone(tmp_path):
    write_photos(tmp_path / "train", ant=4, bee=5)
    write_photos(tmp_path / "test", ant=4, bee=3)
    for name in ("pets", "mine"):
        _, training, test = few_shot_data(f"{name}={tmp_path},per-class=2")
        assert np.bincount(training.labels).tolist() == [2, 2]
        assert np.bincount(test.labels).tolist() == [4, 3]
    _, training, test = few_shot_data(f"mine={tmp_path},split=train,per-class=1")
    assert np.bincount(training.labels).tolist() == [1, 1]
    assert np.bincount(test.labels).tolist() == [2, 3]  # of 4 and 5, half each


def test_imagenet_of_ones_own_with_options(tmp_path):
    first, second = list(imagenet_classes())[:2]
    write_photos(tmp_path / "train", **{first: 4, second: 5})
    write_photos(tmp_path / "val", **{first: 3, second: 3})
    for path in tmp_path.rglob("*.png"):
        path.rename(path.with_name(f"{path.parent.name}_{path.stem}.JPEG"))
    _, training, test = few_shot_data(f"imagenet={tmp_path},per-class=2")
    assert training.classes == test.classes == (first, second)
    assert np.bincount(training.labels).tolist() == [2, 2]
    assert np.bincount(test.labels).tolist() == [3, 3]


@pytest.mark.parametrize("text", ["cifar100", "mine=somebody/photographs"])
def test_a_hub_that_does_not_answer_is_not_asked_again_and_again(text, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", False)
    asked = []

    class NoHub(httpx2.BaseTransport):
        def handle_request(self, request):
            asked.append(request.method)
            raise httpx2.ConnectError("no such host", request=request)

    monkeypatch.setattr("alignet_hf.architecture.get_session", lambda: httpx2.Client(transport=NoHub()))
    monkeypatch.setattr("huggingface_hub.utils._http.get_session", lambda: httpx2.Client(transport=NoHub()))
    own = f"give a copy of your own, --few-shot {text.partition('=')[0]}=FOLDER"
    with pytest.raises(HubError, match=f"the Hub cannot be reached, and the cache does not have it; or {own}"):
        few_shot_data(text)
    assert asked == ["HEAD"]
    assert not datasets.config.HF_HUB_OFFLINE


def test_what_is_missing_is_said(tmp_path):
    with pytest.raises(InputError, match=r"--few-shot cats: choose among imagenet, places365, .*, or give NAME=PLACE"):
        few_shot_data("cats")
    with pytest.raises(InputError, match="--few-shot places365: give a folder"):
        few_shot_data("places365")
