"""The page as a file: whole, small, escaped, structured, and readable in both of its colour schemes."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from alignet_hf.evaluation.page import writing
from alignet_hf.evaluation.page.content import Score, ScoreTable
from alignet_hf.evaluation.page.of_run import page_of_run
from alignet_hf.evaluation.page.writing import page_text
from alignet_hf.recipe import Recipe

EVIL = "<script>alert(\"&'1')</script>"
ROOT = Path(writing.HERE).parents[2]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Parsed(HTMLParser):
    """Elements in their order, each with its attributes and its own text; that every element is closed is checked."""

    def __init__(self, text: str):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append({"tag": tag, "text": "", **dict(attrs)})

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        if self.open:
            self.open[-1]["text"] += data

    def all(self, tag: str) -> list[dict]:
        return [element for element in self.elements if element["tag"] == tag]


@pytest.fixture(scope="module")
def text(page_file) -> str:
    return page_file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def parsed(text) -> Parsed:
    return Parsed(text)


def test_it_is_one_small_file_that_fetches_nothing(page_file, parsed):
    assert page_file.name == "report.html"
    assert page_file.stat().st_size < 1_000_000
    for element in parsed.elements:
        for key in ("src", "href", "action", "srcset", "poster", "data"):
            if element.get(key):
                assert element[key].startswith(("#", "data:")), element
    assert not parsed.all("link")
    assert not re.findall(r"url\(|@import", parsed.all("style")[0]["text"])


def test_each_photograph_is_in_it_once(text, parsed, made_run):
    pictures = [image["href"] for image in parsed.all("image")]
    assert len(pictures) == len(set(pictures)) == len(made_run.judgments.held_out_rows)
    for picture in pictures:
        assert text.count(picture) == 1
    names = {f"#{symbol['id']}" for symbol in parsed.all("symbol")}
    used = {use["href"] for use in parsed.all("use")}
    assert used <= names


def test_its_policy_names_its_one_script(parsed):
    import base64
    import hashlib

    scripts = [script for script in parsed.all("script") if script.get("type") != "application/json"]
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0]["text"].encode()).digest()).decode()
    policy = next(meta["content"] for meta in parsed.all("meta") if "http-equiv" in meta)
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_names_and_words_of_a_user_stay_text(made_run):
    recipe = Recipe.model_validate(made_run.recipe.model_dump() | {"name": EVIL})
    names = [f"{EVIL}{row:02d}.jpg" for row in range(92)]
    names = [name.replace("/", "|") for name in names]
    evil = type("Images", (), {"names": names, "__getitem__": lambda self, row: made_run.images[row]})()
    run = replace(made_run, recipe=recipe, images=evil)
    for shown in (True, False):
        page = Parsed(page_text(page_of_run(run, run.metrics, photographs=shown)))
        assert len(page.all("script")) == 2  # the triplets' JSON, and the page's own
        assert EVIL in page.all("h1")[0]["text"]
        assert (
            json.loads(page.all("script")[0]["text"])["labels"][0]
            == names[int(made_run.judgments.held_out_rows[0])][:-4]
        )


def test_numbers_of_the_tables_are_those_of_the_metrics(parsed, made_run):
    spans = [span["text"] for span in parsed.all("span") if span.get("class") == "estimate"]
    assert "\N{MINUS SIGN}0.000" not in spans
    said = np.array([float(text.replace("\N{MINUS SIGN}", "-")) for text in spans])
    for settings in (made_run.metrics["teacher"], made_run.metrics["student"]):
        for scores in settings.values():
            for score in scores.values():
                assert np.abs(said - score["estimate"]).min() <= 0.0005


def test_every_table_has_a_caption_and_scopes(parsed):
    assert len(parsed.all("table")) == len(parsed.all("caption")) == 6
    assert all(head.get("scope") in ("col", "row") for head in parsed.all("th"))
    assert all(image.get("alt") for image in parsed.all("img"))
    ids = [element["id"] for element in parsed.elements if "id" in element]
    assert len(ids) == len(set(ids))
    for element in parsed.elements:
        for reference in (element.get("aria-labelledby") or "").split():
            assert reference in ids
    labelled = {label["for"] for label in parsed.all("label")}
    assert labelled == {select["id"] for select in parsed.all("select")}


def test_columns_to_be_compared_have_one_axis():
    rows = {"a": [Score(0.2), Score(0.9), Score(5.0)], "b": [Score(0.3), None, None]}
    table = ScoreTable("title", "caption", "head", ["ours", "theirs", "difference"], rows)
    assert len(set(writing._axes(table))) == 3
    ours, theirs, difference = writing._axes(replace(table, on_one_axis=("ours", "theirs")))
    assert ours == theirs == pytest.approx((0.2, 0.9))
    assert difference[0] <= 5.0 <= difference[1]


def test_without_photographs_none_is_in_it(made_run):
    page = Parsed(page_text(page_of_run(made_run, made_run.metrics, photographs=False)))
    assert not page.all("image")
    assert [image["class"] for image in page.all("img")] == ["matrix"] * 3  # colours of similarities
    tiles = "".join(tile["text"] for tile in page.all("text") if tile.get("class") == "tile-text")
    assert "human" in tiles


def luminance(colour: str) -> float:
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_letters_have_contrast_on_every_ground_they_stand_on():
    style = Path(writing.HERE, "report.css").read_text(encoding="utf-8")
    pairs = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    colours = {name: schemes for name, *schemes in pairs}
    stands_on = {
        "ink": ("ground", "raised", "people-ground"),
        "muted": ("ground", "raised", "people-ground"),
        "accent": ("ground",),
        "agree": ("agree-ground", "ground"),
        "differ": ("differ-ground", "ground"),
        "people": ("people-ground", "ground"),
    }
    for letters, grounds in stands_on.items():
        for ground in grounds:
            for scheme in (0, 1):
                assert contrast(colours[letters][scheme], colours[ground][scheme]) >= 4.5, (letters, ground, scheme)
    for line in ("series-0", "series-1", "series-2", "series-3", "ceiling"):  # of drawings: 3 is enough
        for scheme in (0, 1):
            assert contrast(colours[line][scheme], colours["ground"][scheme]) >= 3


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_template_style_and_script_are_files_of_the_package(tmp_path):
    """As an installation has them: what setup.py lists is what the page reads."""
    listed = re.search(r'"alignet_hf\.evaluation\.page": (\[[^\]]+\])', (ROOT / "setup.py").read_text())[1]
    for name in json.loads(listed):
        shutil.copy(writing.HERE / name, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html.jinja", "report.css", "report.js"}
