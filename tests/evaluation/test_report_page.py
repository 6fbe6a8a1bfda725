"""The report as a reader meets it: in Chromium, by mouse and by keyboard, light and dark, on a phone and on paper."""

import json
import re
import shutil
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from alignet_hf.data.images.classes import class_labels
from alignet_hf.data.levels_design import LEVELS
from alignet_hf.evaluation.comparison import compare_results
from alignet_hf.evaluation.human.odd_one_out import odd_one_out_accuracy
from alignet_hf.evaluation.model_names import before_and_after
from alignet_hf.evaluation.page.explorer import Explorer
from alignet_hf.evaluation.page.folder import write_report_of
from alignet_hf.evaluation.representation.neighbour_files import save_neighbours
from alignet_hf.evaluation.representation.scores import change
from alignet_hf.evaluation.score_files import save_scores
from alignet_hf.evaluation.triplet_files import save_triplets
from alignet_hf.inputs import open_images
from alignet_hf.triplets import is_correct, triplet_similarities

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"),
]
PEOPLE_S = "people\N{RIGHT SINGLE QUOTATION MARK}s odd one"


@pytest.fixture(scope="module")
def browser():
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, page_file):
    """The page, freshly opened on a wide and light screen."""
    screen(browser)
    browser.get(page_file.as_uri())
    yield browser
    assert browser.get_log("browser") == []  # whatever a test did


def screen(browser, width: int = 1280, height: int = 900, colours: str = "light", media: str = "") -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [
        {"name": "prefers-color-scheme", "value": colours},
        {"name": "prefers-reduced-motion", "value": "reduce"},  # what scrolls is where it will be
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def keys(browser, *pressed: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(browser).send_keys(*pressed).perform()


def choose(browser, select: str, value: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element(By.ID, select)).select_by_value(value)


def text(browser, identifier: str) -> str:
    return browser.execute_script("return document.getElementById(arguments[0]).textContent", identifier)


def n_found(browser) -> int:
    return int(re.match(r"([\d,]+) of", text(browser, "found"))[1].replace(",", ""))


@pytest.fixture(scope="module")
def facts(made_run) -> dict[str, np.ndarray]:
    """Of every held-out triplet, computed from people's data and the embeddings alone: who is right, its level ..."""
    triplets, shares = made_run.judgments.held_out, made_run.judgments.held_out_shares

    def right(embeddings: np.ndarray) -> np.ndarray:
        return is_correct(triplet_similarities(embeddings, triplets))

    names = class_labels(open_images("objects92").names)
    return {
        "before": right(made_run.student_embeddings("original")),
        "after": right(made_run.student_embeddings("alignet")),
        "teacher": right(made_run.teacher_view("original")),
        "aligned": right(made_run.teacher_view("alignet")),
        "n_classes": np.array([len(set(names[triplet])) for triplet in triplets]),
        "share": np.round(100 * shares[:, 0]),
    }


EXPECTED = {
    ("level", "coarse-grained"): lambda of: of["n_classes"] == 3,
    ("level", "fine-grained"): lambda of: of["n_classes"] == 1,
    ("level", "class-boundary"): lambda of: of["n_classes"] == 2,
    ("models", "student: before wrong, after right"): lambda of: ~of["before"] & of["after"],
    ("models", "student: before right, after wrong"): lambda of: of["before"] & ~of["after"],
    ("models", "student: before and after right"): lambda of: of["before"] & of["after"],
    ("models", "student: before and after wrong"): lambda of: ~of["before"] & ~of["after"],
    ("models", "teacher: before wrong, after right"): lambda of: ~of["teacher"] & of["aligned"],
    ("models", "student after wrong, aligned teacher right"): lambda of: ~of["after"] & of["aligned"],
    ("people", "agree: 80 % or more chose one"): lambda of: of["share"] >= 80,
    ("people", "lean: 50 to 79 % chose one"): lambda of: (of["share"] >= 50) & (of["share"] < 80),
    ("people", "split: no half chose one"): lambda of: of["share"] < 50,
}


def test_filters_find_as_many_as_the_data_hold(page, facts):
    assert n_found(page) == len(facts["before"])
    for (select, value), expected in EXPECTED.items():
        choose(page, select, value)
        assert n_found(page) == expected(facts).sum(), value
        choose(page, select, "")
    both = [
        ("level", "fine-grained"),
        ("models", "student: before wrong, after right"),
        ("people", "split: no half chose one"),
    ]
    for one in both:
        choose(page, *one)
    assert n_found(page) == np.all([EXPECTED[one](facts) for one in both], 0).sum()


def test_the_number_found_and_the_accuracies_are_announced(page, facts):
    status = page.find_element("id", "found")
    assert (status.get_attribute("role"), status.get_attribute("aria-live")) == ("status", "polite")
    choose(page, "level", "class-boundary")
    of_level = facts["n_classes"] == 2
    assert f"student before {100 * facts['before'][of_level].mean():.0f} %" in status.text
    assert f"student after {100 * facts['after'][of_level].mean():.0f} %" in status.text


def test_a_triplet_shows_people_s_and_the_models_choices(page, made_run, facts):
    choose(page, "models", "student: before wrong, after right")
    data = json.loads(text(page, "explorer"))
    for card in page.find_elements("css selector", ".triplet"):
        choices = card.find_elements("css selector", ".three > li")
        odd = [place for place, choice in enumerate(choices) if "odd" in choice.get_attribute("class").split()]
        assert len(odd) == 1
        assert PEOPLE_S in choices[odd[0]].text
        assert "✓ student after" in choices[odd[0]].text
        assert "✗ student before" in "".join(choice.text for place, choice in enumerate(choices) if place != odd[0])
        number = int(card.find_element("css selector", "h3").text.split()[1].strip(",").replace(",", "")) - 1
        shown = [choice.find_element("css selector", "use").get_attribute("href") for choice in choices]
        assert shown == [f"#p{photograph}" for photograph in data["rows"][number][0]]
        shares = [int(re.search(r"(\d+) % of people", choice.text)[1]) for choice in choices]
        assert sum(shares) == pytest.approx(100, abs=1.5)


def test_pages_turn_by_buttons_and_by_arrows(page):
    from selenium.webdriver.common.keys import Keys

    first = text(page, "list")
    last = -(-n_found(page) // 12)
    assert text(page, "place") == f"Page 1 of {last:,}"
    page.find_element("css selector", "[data-step=next]").click()
    second = text(page, "list")
    assert second != first
    assert text(page, "place").startswith("Page 2 ")
    keys(page, Keys.ARROW_RIGHT)
    assert text(page, "place").startswith("Page 3 ")
    keys(page, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_LEFT)  # no page before the first
    assert text(page, "place").startswith("Page 1 ")
    assert text(page, "list") == first
    keys(page, Keys.END)
    assert text(page, "place") == f"Page {last} of {last:,}"
    assert len(page.find_elements("css selector", ".triplet")) == (n_found(page) - 1) % 12 + 1


def test_the_keyboard_alone_reaches_and_works_everything(page):
    from selenium.webdriver.common.keys import Keys

    def focused() -> str:
        script = "const e = document.activeElement; return e.id || e.dataset.step || e.tagName.toLowerCase()"
        return page.execute_script(script)

    def outlined() -> bool:
        script = "const s = getComputedStyle(document.activeElement); return s.outlineStyle != 'none' && s.outlineWidth"
        return page.execute_script(script) not in (False, "0px")

    def tab_to(wanted: str) -> None:
        for _ in range(60):
            if focused() == wanted:
                assert outlined(), wanted
                return
            keys(page, Keys.TAB)
        raise AssertionError(f"{wanted} is not reached")

    keys(page, Keys.TAB)
    assert page.switch_to.active_element.text == "To the summary"  # the way round the navigation comes first
    all_of_them = n_found(page)
    tab_to("level")
    keys(page, Keys.ARROW_DOWN)
    assert 0 < n_found(page) < all_of_them
    keys(page, Keys.ARROW_UP)
    assert n_found(page) == all_of_them
    tab_to("next")
    keys(page, Keys.ENTER)
    assert text(page, "place").startswith("Page 2 ")
    keys(page, Keys.SPACE)
    assert text(page, "place").startswith("Page 3 ")
    assert focused() == "next"


def test_more_neighbours_unfold_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    summary = page.find_element("css selector", "#neighbours summary")
    page.execute_script("arguments[0].focus()", summary)
    hidden = page.find_elements("css selector", "#neighbours details .card")
    assert not hidden[0].is_displayed()
    keys(page, Keys.ENTER)
    assert hidden[0].is_displayed()


def test_every_photograph_loads_and_every_use_finds_one(page):
    sizes = page.execute_async_script(
        """const done = arguments[0];
        const sources = [...document.querySelectorAll('symbol image')].map((i) => i.getAttribute('href'))
          .concat([...document.images].map((i) => i.src));
        Promise.all(sources.map(async (source) => {
          const image = new Image(); image.src = source; await image.decode(); return image.naturalWidth;
        })).then(done, (error) => done(String(error)));"""
    )
    assert isinstance(sizes, list), sizes
    assert len(sizes) > 30
    assert min(sizes) > 0
    lost = page.execute_script(
        "return [...document.querySelectorAll('use')]"
        ".filter((use) => !document.querySelector(use.getAttribute('href'))).length"
    )
    assert lost == 0


def test_photographs_are_painted(page):
    """Not only known: a query's square on the screen has the colours of a photograph, not of an empty box."""
    import io

    from PIL import Image

    square = page.find_element("css selector", "#neighbours .query .photograph")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", square)
    pixels = np.asarray(Image.open(io.BytesIO(square.screenshot_as_png)).convert("RGB")).reshape(-1, 3)
    assert len(np.unique(pixels // 8, axis=0)) > 50


def test_nothing_is_fetched(page):
    assert (
        page.execute_script(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
            ".filter((name) => !name.startsWith('data:'))"
        )
        == []
    )


def test_nothing_could_be_fetched(page):
    """Its own policy forbids it, whatever is in it."""
    refused = page.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('fetched'), (e) => done(String(e)));"
    )
    assert "TypeError" in refused
    said = page.get_log("browser")
    assert any("Content Security Policy" in entry["message"] for entry in said)


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_does_not_scroll_sideways(page, width):
    screen(page, width, 800)
    page.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    out = page.execute_script(
        """return [...document.querySelectorAll('main *, header *')].filter((e) => {
          if (!e.checkVisibility() || e.closest('.unseen, .store')) return false;
          if (e.getBoundingClientRect().right <= innerWidth + 1) return false;
          for (let p = e.parentElement; p; p = p.parentElement)
            if (/auto|hidden|scroll/.test(getComputedStyle(p).overflowX)) return false;
          return true;
        }).map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert out == []


# The WCAG contrast of every piece of text with what is painted behind it.
CONTRASTS = """
const parse = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
const lum = ([r, g, b]) => [r, g, b].map((v) => v / 255)
  .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (e) => { for (; e; e = e.parentElement) {
  const c = parse(getComputedStyle(e).backgroundColor); if (c[3] > 0) return c; } return [255, 255, 255, 1]; };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
while (walker.nextNode()) {
  const node = walker.currentNode, e = node.parentElement;
  if (!node.textContent.trim() || /SCRIPT|STYLE|NOSCRIPT|TITLE/.test(e.tagName) || !e.checkVisibility()) continue;
  const style = getComputedStyle(e), inSvg = e.closest('svg');
  const ink = parse(inSvg ? style.fill : style.color), ground = behind(e);
  const [a, b] = [lum(ink), lum(ground)];
  found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), node.textContent.trim().slice(0, 40), e.tagName]);
}
return found;
"""


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_text_has_contrast(page, colours):
    screen(page, colours=colours)
    ground = page.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (colours == "dark")
    contrasts = page.execute_script(CONTRASTS)
    assert len(contrasts) > 200
    assert [one for one in contrasts if one[0] < 4.5] == []


def test_the_switch_overrules_the_system(page):
    def ground() -> str:
        return page.execute_script("return getComputedStyle(document.body).backgroundColor")

    light = ground()
    choose(page, "theme", "dark")
    dark = ground()
    assert dark != light
    screen(page, colours="dark")
    choose(page, "theme", "light")
    assert ground() == light
    choose(page, "theme", "light dark")
    assert ground() == dark


def test_paper_is_light_and_whole(page):
    screen(page, colours="dark", media="print")
    assert page.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert all(page.execute_script("return [...document.querySelectorAll('details')].map((d) => d.open)"))
    hidden = page.execute_script(
        "return ['nav', '#pager', '#filters'].map((s) => getComputedStyle(document.querySelector(s)).display)"
    )
    assert hidden == ["none"] * 3
    pdf = page.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"]
    assert pdf.startswith("JVBER")  # %PDF
    page.execute_script("dispatchEvent(new Event('afterprint'))")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What an evaluation of two encoders and what a sweep leave -> by the name of their page, the folder."""
    scores, sweep = tmp_path_factory.mktemp("scores"), tmp_path_factory.mktemp("sweep")
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(2, 92, 8))
    names = [name.replace("_", " ") for name in class_labels(open_images("objects92").names)]
    changed = change(before, after, names, n_bootstrap=20)
    comparison = compare_results(changed.scores["cka"], changed.scores["cka"])
    about = {"model": "after", "against": "before", "command": "alignet-hf evaluate after --against before"}
    save_scores(changed.scores, scores, {"cka": comparison}, about)
    kinds = ["animate" if "human" in name else "inanimate" for name in names]
    photographs, titles = open_images("objects92"), before_and_after("before", "after")
    save_neighbours(changed.neighbours, photographs, names, scores / "representation", kinds, titles)
    Image.new("RGB", (1600, 600), "white").save(scores / "representation" / "spectrum.png")
    one = {"estimate": 0.6, "low": 0.5, "high": 0.7, "chance": 0.333}
    measured = {"odd_one_out_accuracy": one, "rsa_spearman": one | {"chance": 0.0}}
    few_shot = {f"few_shot_accuracy/{shots}-shot": one | {"spread_over_draws": 0.02} for shots in (1, 5)}
    row = {"condition": {"triplets.n": 200}, "who": "student", "setting": "alignet", "scores": measured}
    side = {"condition": row["condition"], "setting": "alignet"}
    compared = {name: one | {"chance": 0.0, "p_bootstrap": 0.01} for name in measured}
    content = {
        "name": "numbers",
        "points": [{"name": "a", "failure": None, "grids": ["triplets"]}],
        "rows": [row, row | {"setting": "original", "scores": measured | few_shot}],  # the first has none
        "differences": [{"kind": "setting", "first": side, "second": side, "scores": compared}],
        "findings": [{"sentence": "More triplets teach more."}],
    }
    (sweep / "sweep.json").write_text(json.dumps(content))
    (sweep / "figures").mkdir()
    Image.new("RGB", (900, 400), "white").save(sweep / "figures" / "triplets.png")
    triplets = tmp_path_factory.mktemp("triplets")
    accuracy = odd_one_out_accuracy(after, EXPLORED.triplets, n_bootstrap=20)
    kept = {"choices_odd_one_out_accuracy": compare_results(accuracy, accuracy)}
    save_scores({"choices_odd_one_out_accuracy": accuracy}, triplets, kept, about)
    save_triplets(EXPLORED, open_images("objects92"), names, triplets)
    return {"scores": scores, "sweep": sweep, "triplets": triplets}


def some_triplets(n: int = 3000) -> Explorer:
    """Of two sets of judgments, Levels with shares and levels and ties of the encoder before."""
    rng = np.random.default_rng(0)
    triplets = np.sort(np.array([rng.permutation(92)[:3] for _ in range(n)]), 1)
    is_levels = np.arange(n) % 3 > 0
    return Explorer(
        triplets,
        rng.integers(3, size=n),
        np.where(is_levels[:, None], rng.dirichlet([1, 1, 1], n), np.nan),
        np.where(is_levels, rng.choice(LEVELS, n), ""),
        {"before": rng.integers(-1, 3, n), "after": rng.integers(3, size=n)},
        4 * n,
        np.where(is_levels, "levels", "peterson/fruits"),
    )


EXPLORED = some_triplets()


def test_triplets_of_an_evaluation_are_filtered_by_judgments_level_and_disagreement(browser, folders):
    path = write_report_of(folders["triplets"])
    assert path.stat().st_size < 5_000_000
    screen(browser)
    browser.get(path.as_uri())
    right = {name: chosen == EXPLORED.odd for name, chosen in EXPLORED.choices.items()}
    share = np.round(100 * EXPLORED.shares)[np.arange(len(EXPLORED.odd)), EXPLORED.odd]
    expected = {
        ("set", "Levels"): EXPLORED.sets == "levels",
        ("set", "Peterson, fruits"): EXPLORED.sets != "levels",
        **{("level", level): EXPLORED.levels == level for level in LEVELS},
        ("models", "before wrong, after right"): ~right["before"] & right["after"],
        ("models", "before right, after wrong"): right["before"] & ~right["after"],
        ("models", "before and after wrong"): ~right["before"] & ~right["after"],
        ("people", "agree: 80 % or more chose one"): share >= 80,
        ("people", "split: no half chose one"): share < 50,
    }
    for (select, value), found in expected.items():
        choose(browser, select, value)
        assert n_found(browser) == found.sum(), value
        choose(browser, select, "")
    chosen = ("set", "Levels"), ("level", LEVELS[1]), ("models", "before wrong, after right")
    for one in chosen:
        choose(browser, *one)
    assert n_found(browser) == np.all([expected[one] for one in chosen], 0).sum()
    for card in browser.find_elements("css selector", ".triplet"):
        assert card.find_element("css selector", "h3").text.endswith(f", Levels, {LEVELS[1]}")
        odd = card.find_element("css selector", ".odd").text
        assert PEOPLE_S in odd
        assert "✓ after" in odd
        assert "before" not in odd
        assert len(card.find_elements("css selector", ".photograph")) == 3
    choose(browser, "level", "")
    choose(browser, "models", "")
    choose(browser, "set", "Peterson, fruits")
    for card in browser.find_elements("css selector", ".triplet"):
        assert card.find_element("css selector", "h3").text.endswith(", Peterson, fruits")
        assert "% of people" not in card.text
    shown = browser.find_element("id", "triplets").text
    assert "3,000 of 12,000" in shown
    assert "held-out" not in shown
    assert "Before is before, after is after." in shown
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("kind", ["scores", "sweep", "triplets"])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_pages_of_scores_and_of_sweeps_read_as_those_of_runs(browser, folders, kind, colours):
    screen(browser, 360, 800, colours=colours)
    browser.get(write_report_of(folders[kind]).as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    assert [one for one in browser.execute_script(CONTRASTS) if one[0] < 4.5] == []
    unnamed = "return [...document.querySelectorAll('[role=img], img')].filter((e) => !(e.ariaLabel || e.alt)).length"
    assert browser.execute_script(unnamed) == 0
    assert browser.execute_script("return [...document.images].every((i) => i.complete && i.naturalWidth)")
    levels = [int(h.tag_name[1]) for h in browser.find_elements("css selector", "h1, h2, h3, h4")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    cards = browser.find_elements("css selector", "#neighbours .card")
    assert len(cards) == (8 if kind == "scores" else 0)
    for card in cards:
        assert len(card.find_elements("css selector", "li .photograph")) == 12
        same = [len(card.find_elements("css selector", f"li.{sign}")) for sign in ("same", "another")]
        assert sum(same) == 12
        assert len(card.find_elements("css selector", ".tick")) == same[0]
        assert all(one.is_displayed() == card.is_displayed() for one in card.find_elements("css selector", ".name"))
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("width", [390, 1280])
def test_rows_of_scores_are_rows_of_a_table_however_they_are_laid_out(browser, folders, width):
    screen(browser, width)
    browser.get(write_report_of(folders["scores"]).as_uri())
    (table,) = browser.find_elements("css selector", "table.told")
    without, row = table.find_elements("css selector", "tbody tr")[:2]
    assert [one.aria_role for one in without.find_elements("css selector", "td")] == ["cell"] * 4  # two are empty
    assert row.value_of_css_property("display") == ("block" if width < 500 else "table-row")
    roles = {tag: [one.aria_role for one in row.find_elements("css selector", tag)] for tag in ("th", "td")}
    assert roles == {"th": ["rowheader"], "td": ["cell"] * 4}
    assert (table.aria_role, row.aria_role) == ("table", "row")
    heads = [one.aria_role for one in table.find_elements("css selector", "thead th")]
    assert heads == ["columnheader"] * 5
    labels = [one for one in row.find_elements("css selector", ".of") if one.is_displayed()]
    assert len(labels) == (3 if width < 500 else 0)  # of the columns, whose heads a phone does not show


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_figures_lie_on_a_sheet_that_is_light_in_both_themes(browser, folders, colours):
    screen(browser, 390, colours=colours)
    browser.get(write_report_of(folders["scores"]).as_uri())
    sheet = browser.find_element("css selector", ".paper")
    ground = list(map(int, re.findall(r"\d+", sheet.value_of_css_property("background-color"))))[:3]
    assert (ground == [255, 255, 255]) == (colours == "light")
    assert min(ground) > 220
    assert sheet.value_of_css_property("padding") == "12px"
    picture = sheet.find_element("css selector", "img")
    assert sheet.rect["width"] <= 390 < picture.rect["width"]  # a wide one is not shrunk to a phone: the sheet scrolls


@pytest.mark.parametrize("kind", ["scores", "sweep"])
def test_the_keyboard_walks_these_pages_in_their_order(browser, folders, kind):
    from selenium.webdriver.common.keys import Keys

    screen(browser)
    browser.get(write_report_of(folders[kind]).as_uri())
    script = """const e = document.activeElement, s = getComputedStyle(e);
    const all = [...document.querySelectorAll('*')];
    return [all.indexOf(e), e.tagName, s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 1]"""
    walked = []
    for _ in range(60):
        keys(browser, Keys.TAB)
        place, tag, outlined = browser.execute_script(script)
        if tag == "BODY":
            break
        assert outlined, tag
        assert browser.switch_to.active_element.accessible_name or tag == "SUMMARY"
        walked.append(place)
    assert len(walked) > 6
    assert walked == sorted(set(walked))


def test_without_scripts_the_page_still_reads(browser, page_file):
    screen(browser)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(page_file.as_uri())
        read = browser.find_element("css selector", "main").text
        assert "The settings" in read
        assert "needs JavaScript" in read
        assert browser.find_element("css selector", "#neighbours .photograph").is_displayed()
        assert not browser.find_element("id", "filters").is_displayed()
        assert not browser.find_element("id", "theme").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.get_log("browser")


def test_structure_is_what_screen_readers_walk(page):
    levels = [int(h.tag_name[1]) for h in page.find_elements("css selector", "h1, h2, h3, h4")]
    assert Counter(levels)[1] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for landmark in ("header", "nav", "main", "footer"):
        assert len(page.find_elements("css selector", f"body > {landmark}")) == 1
    for control in page.find_elements("css selector", "select, button"):
        assert control.accessible_name
    for table in page.find_elements("css selector", "table"):
        assert table.find_elements("css selector", "caption")
        assert all(head.get_attribute("scope") in ("col", "row") for head in table.find_elements("css selector", "th"))
    unnamed = page.execute_script(
        "return [...document.querySelectorAll('[role=img], img')].filter((e) => !(e.ariaLabel || e.alt)).length"
    )
    assert unnamed == 0
    duplicates = page.execute_script(
        "const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); return ids.length - new Set(ids).size"
    )
    assert duplicates == 0
