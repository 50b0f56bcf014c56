"""The page in a browser, as its readers have it: both colour schemes, a phone, paper, a keyboard."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovprep.report.html.page import page_of
from tests.report.html.reports import HOSTILE, IMAGE, compared_report, full_report, timed_report

playwright = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: scripts/install dev does that"
)
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium")

DESK, PHONE = 1100, 390
CHARTS = {"full": 8, "hostile": 8, "bare": 0, "timed": 9, "compared": 1}


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    with playwright.sync_playwright() as driver:
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []  # Chromium's own does not run as root
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Pages of a whole report, of one with hostile names, of one without all that may be absent, and of other kinds."""
    folder = tmp_path_factory.mktemp("pages")
    reports = {
        "full": full_report(),
        "hostile": full_report(HOSTILE + IMAGE),
        "bare": full_report(),
        "timed": timed_report(),
        "compared": compared_report(),
    }
    for key in ("verification", "benchmark", "graph", "options", "interface"):
        del reports["bare"][key]
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(page_of(report), "utf-8")
    return {name: folder / f"{name}.html" for name in reports}


class Visit:
    """A page that was opened, with all that went on meanwhile."""

    def __init__(self, browser: "playwright.Browser", path: Path, width: int = DESK, scheme: str = "light") -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.add_init_script("navigator.clipboard.writeText = async (text) => { window.copied = text; };")
        self.page = context.new_page()
        self.noise: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.noise.append(message.text))
        self.page.on("pageerror", lambda error: self.noise.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.noise.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def close(self) -> None:
        self.page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("name", CHARTS)
def test_it_is_quiet_whole_and_fits(
    browser: "playwright.Browser", pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    visit = Visit(browser, pages[name], width, scheme)
    assert visit.noise == []
    assert visit.requests == [pages[name].as_uri()], "the page itself, and nothing else"
    plots = visit.page.locator("figure .plot:visible > svg")
    assert plots.count() == CHARTS[name]
    for plot in plots.all():
        box = plot.bounding_box()
        assert box is not None
        assert box["width"] > width / 3
        assert box["x"] + box["width"] <= width
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, "no sideways scroll"
    visit.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, "nor with all tables open"
    visit.close()


CONTRASTS = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
    const linear = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : light(colour);
  };
  const found = {};
  for (const element of document.querySelectorAll("p, li b, .name, .layout, td, th, dt, dd, summary, a, svg text")) {
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const own = light(element.closest("svg") ? style.fill : style.color), ground = behind(element);
    const ratio = (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
    found[`${element.tagName} ${element.getAttribute("class") ?? ""}: ${element.textContent.slice(0, 20)}`] = ratio;
  }
  return found;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(browser: "playwright.Browser", pages: dict[str, Path], scheme: str) -> None:
    """4.5 to 1 is what WCAG 2.2 (1.4.3) asks of text of this size."""
    visit = Visit(browser, pages["full"], scheme=scheme)
    visit.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    found = visit.page.evaluate(CONTRASTS)
    assert len(found) > 80
    assert {what: ratio for what, ratio in found.items() if ratio < 4.5} == {}
    visit.close()


def test_tables_are_sorted_by_number_and_with_the_keyboard(
    browser: "playwright.Browser", pages: dict[str, Path]
) -> None:
    visit = Visit(browser, pages["full"])
    visit.page.locator("#chart-ops summary").click()
    head = visit.page.locator("#chart-ops th", has_text="ms").locator("button")
    column = "[...document.querySelectorAll('#chart-ops tbody tr')].map((row) => row.cells[4].textContent)"
    head.click()
    assert visit.page.evaluate(column) == ["0.0300", "0.0500", "0.120"]
    head.focus()
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate(column) == ["0.120", "0.0500", "0.0300"]
    assert visit.page.locator("#chart-ops th[aria-sort]").get_attribute("aria-sort") == "descending"
    visit.close()


def test_tables_and_the_command_are_copied(browser: "playwright.Browser", pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["full"])
    visit.page.locator("#chart-ratio summary").click()
    visit.page.locator("#chart-ratio .copy").click()
    lines = str(visit.page.evaluate("window.copied")).split("\n")
    assert lines[0].split("\t")[:4] == ["contestant", "against", "ratio", "low"]
    assert lines[1].split("\t")[:4] == ["original", "ovprep", "6.500", "6.200"]
    assert len(lines) == 4
    visit.page.locator(".copy-text").click()
    assert visit.page.evaluate("window.copied").startswith("ovprep convert /models/conv1.h5")
    visit.close()


def test_marks_tell_what_they_stand_for(browser: "playwright.Browser", pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["full"])
    mark = visit.page.locator("#chart-roofline .wide path[aria-label^='conv1']")
    mark.scroll_into_view_if_needed()
    mark.hover()
    tip = visit.page.locator("#tip")
    assert tip.is_visible()
    assert "66.7 GFLOP/s" in tip.inner_text()
    visit.page.mouse.move(2, 2)
    assert tip.is_hidden()
    visit.close()


def test_on_paper(browser: "playwright.Browser", pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["full"], PHONE, "dark")
    visit.page.emulate_media(media="print")
    assert visit.page.locator("nav").is_hidden()
    assert visit.page.locator("figure .wide:visible").count() == CHARTS["full"]
    assert visit.page.locator("figure .narrow:visible").count() == 0
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert visit.page.evaluate("getComputedStyle(document.querySelector('.rows')).maxHeight") == "none"
    heads = visit.page.locator("#reproduce th")
    assert [head.inner_text().strip() for head in heads.all()] == ["file", "size", "SHA-256"]
    assert len(visit.page.pdf(format="A4")) > 20_000
    visit.close()


def test_without_scripts_it_reads_as_well(browser: "playwright.Browser", pages: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["full"].as_uri())
    assert page.locator("figure .wide > svg").count() == CHARTS["full"]
    assert page.locator("button:visible").count() == 0, "what would not work is not there"
    context.close()


def test_hostile_names_are_read_as_they_are(browser: "playwright.Browser", pages: dict[str, Path]) -> None:
    visit = Visit(browser, pages["hostile"])
    names = visit.page.evaluate("[...document.querySelectorAll('.name')].map((one) => one.textContent)")
    assert HOSTILE + IMAGE in names
    labels = visit.page.evaluate("[...document.querySelectorAll('.wide [aria-label]')].map((one) => one.ariaLabel)")
    assert any(HOSTILE in label for label in labels)
    visit.close()
