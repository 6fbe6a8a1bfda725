"""Cards of models that others made and that were only converted: nothing is claimed of them that nobody recorded."""

import pytest
from aligned_folders import aligned_folder, record
from huggingface_hub import ModelCard

from alignet_hf.distill.record import base_model
from alignet_hf.hub.alignment import Alignment
from alignet_hf.hub.card import card_text, write_card
from alignet_hf.image_processing_alignet import AligNetImageProcessor
from alignet_hf.modeling_alignet import AligNetVisionModel

SOURCE = {"file": "ViT-B-x.tar.gz", "url": "http://example.org/ViT-B-x.tar.gz", "size": 49278, "sha256": "c0ffee"}
RELEASED = {"base": "ViT-B of the authors' release", "license": "other", "license_name": "theirs"}


def converted(folder, **known):
    return aligned_folder(folder, alignment=Alignment(source=SOURCE | {"checkpoint": "ViT-B-x"}, **known))


def text_of(folder):
    return (folder / "README.md").read_text()


def test_of_a_plain_encoder_no_teacher_no_people_and_no_paper(tmp_path):
    folder = converted(tmp_path / "model")
    text = text_of(folder)
    for claim in ("teacher", "muttenthaler2025", "human-alignment", "## Citation", "Similarity of objects"):
        assert claim not in text
    assert "It keeps the biases of the images that it was trained on." in text
    assert "- a citation: the model is its makers'" in text


def test_a_base_model_is_cited_with_its_own_paper_first(tmp_path):
    text = text_of(converted(tmp_path / "model", setting="original", **RELEASED))
    assert "whose own paper is to be cited" in text.split("## Citation")[1]
    assert "Similarity of objects" not in text
    assert "its teacher" not in text
    assert "human-alignment" not in text


@pytest.mark.parametrize("setting", ["alignet", "unalignet"])
def test_what_learnt_from_triplets_keeps_its_limits(tmp_path, setting):
    text = text_of(converted(tmp_path / "model", setting=setting, **RELEASED))
    assert "Similarity of objects" in text
    assert "@article{muttenthaler2025" in text
    assert ("human-alignment" in text) == (setting == "alignet")


def test_facts_are_in_words(tmp_path):
    text = text_of(converted(tmp_path / "model"))
    for row in ("| source file | ViT-B-x.tar.gz |", "| its size | 49,278 bytes |", "| its sha256 | c0ffee |"):
        assert row in text


def test_use_it_can_be_pasted_where_no_folder_is_called_so(tmp_path):
    folder = converted(tmp_path / "0a1b2c")
    write_card(folder, "ViT-B-x")
    text = text_of(folder)
    assert 'AutoModel.from_pretrained(".")' in text
    assert "were run when this card was written, in this folder." in text
    assert 'from_pretrained("ViT-B-x")' not in text
    assert 'from_pretrained("owner/ViT-B-x")' in card_text(folder, "owner/ViT-B-x")[0]


def test_the_authors_input_is_said_and_no_other(tmp_path):
    folder = converted(tmp_path / "model")
    assert "antialiasing" not in text_of(folder)
    AligNetImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    write_card(folder)
    assert "the whole image, stretched to a square" in text_of(folder)
    assert "*without antialiasing*" in text_of(folder)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("alignet", "ViT-B-x (already aligned with people)"),
        ("unalignet", "ViT-B-x (UnAligNet, a control that is not aligned with people)"),
        ("original", "ViT-B-x (before any alignment with people)"),
        (None, "ViT-B-x (whether it is aligned with people is not recorded)"),
    ],
)
def test_a_student_says_which_checkpoint_it_began_as(tmp_path, setting, said):
    people = "16 people" if setting == "alignet" else None
    folder = converted(tmp_path / "model", setting=setting, people=people, **RELEASED)
    student = AligNetVisionModel.from_pretrained(folder)
    made = base_model(student)
    assert made.source == {}
    student.save_pretrained(tmp_path / "student")
    made.with_known(Alignment(training_data={"triplets": 9})).write(tmp_path / "student")
    write_card(tmp_path / "student")
    card = ModelCard.load(tmp_path / "student" / "README.md")
    assert f"| base model | {said} |" in card.content
    for row in (
        "its sha256 | c0ffee",
        "its address | http://example.org/ViT-B-x.tar.gz",
        "source file | ViT-B-x.tar.gz",
    ):
        assert f"| base model: {row} |" in card.content
    assert card.data.license_name == "theirs"
    assert ("Its base model was aligned with the judgments of 16 people." in card.content) == (setting == "alignet")
    assert "nothing was trained here" not in card.content

    again = base_model(AligNetVisionModel.from_pretrained(tmp_path / "student"))  # a student of the student
    assert (again.base, again.base_made) == (said, made.base_made)


def test_a_student_of_a_student_of_ours_stands_on_what_that_stood_on(tmp_path):
    folder = aligned_folder(tmp_path / "model", alignment=record())
    made = base_model(AligNetVisionModel.from_pretrained(folder))
    assert (made.base_model, made.base, made.base_made) == ("facebook/dinov2-small", None, {})
