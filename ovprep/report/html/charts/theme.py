"""How charts are drawn: Vega-Lite makes an SVG of each when the page is written, so the page needs no library.

Colours are CSS variables of `style.css`, so that one drawing serves light, dark and print. Each chart is drawn twice,
for a wide page and for a phone, since text in an SVG shrinks with it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import vl_convert
from markupsafe import Markup

from ovprep.report.html.table import Table

WIDE, HALF, NARROW = 900, 440, 350
"""Widths in pixels: of the page, of half of it, and of a phone, which `style.css` shows below 800 pixels."""
_MEASURED = 13.5
"""The size of letters that room is kept for; `style.css` shows them with 12 pixels, in a font that may be wider."""
ROW = 34
"""Height of a row of a chart with named rows."""

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A chart with its heading, a text that says what it shows, and the numbers behind it."""

    name: str
    title: str
    text: str
    wide: Markup
    narrow: Markup
    table: Table | None = None
    notes: tuple[str, ...] = field(default=())


def figure(
    name: str, title: str, text: str, spec: Spec, table: Table | None = None, *notes: str, width: int = WIDE
) -> Figure:
    """Draws a Vega-Lite specification without width, for the page and for a phone; `name` is unique in the page."""
    wide, narrow = draw(spec, width, text), draw(spec, NARROW, text)
    return Figure(name, title, text, wide, narrow, table, notes)


def draw(spec: Spec, width: int, text: str) -> Markup:
    """The SVG of a specification, `width` pixels wide with axes and all; `text` is what a screen reader says of it."""
    whole = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": text,
        "width": width,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _config(width),
        **spec,
    }
    svg = vl_convert.vegalite_to_svg(whole)
    return Markup(svg[svg.index("<svg") :])


def named_rows(field_name: str, order: Sequence[str]) -> Spec:
    """A y axis with a row for each name, in that order; "ovprep, default precision" stands in two lines."""
    axis = {"labelExpr": "split(datum.label, ', ')"}
    return {"field": field_name, "type": "nominal", "sort": list(order), "title": None, "axis": axis}


def log_axis(low: float, high: float, form: str = "~g") -> Spec:
    """Ticks for a log scale: 1, 2 and 5 of each decade where few are seen, else decades alone, about eight of them."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = max(1, math.ceil(len(decades) / 8))
    steps = (1, 2, 5) if high < 1000 * low else (1,)
    ticks = [float(f"{step}e{decade}") for decade in decades[::every] for step in steps]
    return {"format": form, "values": [tick for tick in ticks if low <= tick <= high]}


def described(field_name: str = "tip") -> Spec:
    """What a mark says of itself: read aloud, and shown on hovering by `script.js`."""
    return {"field": field_name, "type": "nominal"}


def series(field_name: str, colours: Mapping[str, str], title: str | None = None) -> Spec:
    """A colour for each name, with a legend."""
    scale = {"domain": list(colours), "range": [f"var(--{colour})" for colour in colours.values()]}
    return {"field": field_name, "type": "nominal", "scale": scale, "title": title, "legend": {"orient": "top"}}


def _config(width: int) -> Spec:
    narrow = width <= NARROW
    text, muted, line = "var(--text)", "var(--muted)", "var(--line)"
    axis = {
        "labelColor": text,
        "titleColor": muted,
        "gridColor": line,
        "domainColor": muted,
        "tickColor": muted,
        "labelFontSize": _MEASURED,
        "titleFontSize": _MEASURED,
        "titleFontWeight": "normal",
        "titlePadding": 10,
        "labelPadding": 6,
    }
    return {
        "background": None,
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "padding": {"left": 2, "right": 10, "top": 4, "bottom": 4},
        "axis": axis,
        "axisX": {"labelFlush": False, "tickCount": 4 if width <= HALF else 8, "labelOverlap": "greedy"},
        "axisY": {"domain": False, "ticks": False, "labelLimit": 105 if narrow else 230},
        "legend": {
            "labelColor": text,
            "titleColor": muted,
            "labelFontSize": _MEASURED,
            "titleFontSize": _MEASURED,
            "titleFontWeight": "normal",
            "symbolOpacity": 1,
            "labelLimit": 300,
            "columns": 1 if narrow else 3,
        },
        "text": {"color": text, "fontSize": _MEASURED, "aria": False},
        "line": {"aria": False},
        "rule": {"color": muted, "aria": False},
    }
