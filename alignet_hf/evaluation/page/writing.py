"""The page as one file: template, style and script are files beside this one, and go into it whole.

Its Content-Security-Policy allows data of the page itself and this one script, known by its digest: whatever a name or
a recipe holds, nothing is fetched and nothing else runs.
"""

import base64
import hashlib
import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from alignet_hf.evaluation.page import drawing
from alignet_hf.evaluation.page.content import Page, ScoreTable
from alignet_hf.hub.artifacts import replacing

HERE = Path(__file__).parent
FILE = "report.html"


def write_page(page: Page, folder: Path) -> Path:
    """Write report.html into a folder -> its path."""
    with replacing(folder / FILE) as path:
        path.write_text(page_text(page), encoding="utf-8")
    return folder / FILE


def page_text(page: Page) -> str:
    """The HTML of a page. All text is escaped; JSON cannot end the element that holds it."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = _number
    script, style = (HERE.joinpath(name).read_text(encoding="utf-8") for name in ("report.js", "report.css"))
    script = f"\n{script}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template("report.html.jinja").render(
        page=page,
        script=Markup(script),
        style=Markup(style),
        policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        explorer=None if page.explorer is None else _json(page.explorer.to_json(page.photographs)),
        axes={table.title: _axes(table) for table in page.tables},
        interval_bar=drawing.interval_bar,
    )


def _json(data: dict) -> Markup:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _axes(table: ScoreTable) -> list[tuple[float, float]]:
    """One axis a column, over all of its numbers, and over those of the columns that it is drawn on one axis with."""
    values = [
        [value for score in column if score for value in score.values]
        for column in zip(*table.rows.values(), strict=True)
    ]
    common = [
        value for name, of in zip(table.columns, values, strict=True) if name in table.on_one_axis for value in of
    ]
    drawn = [common if name in table.on_one_axis else of for name, of in zip(table.columns, values, strict=True)]
    return [drawing.axis_over(of_column or [0.0, 1.0]) for of_column in drawn]


def _number(value: float) -> str:
    """Three decimals, with a minus sign that screen readers say."""
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "\N{MINUS SIGN}")  # + 0.0: no minus sign before a zero
