"""Takes a picture of a report's page, for the README: its top in light colours beside a later part in dark ones.

scripts/screenshot.py report.json picture.png
"""

import base64
import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

import ovprep

WIDTH, HEIGHT = 960, 850
"""Pixels of each half, before it is made smaller."""
SCALE, GAP = 0.64, 14
HALVES = (("light", "body"), ("dark", "#latency"))
"""Colour scheme, and the element that the half begins with."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def half(browser: Browser, page: Path, scheme: str, start: str) -> bytes:
    """The part of the page that begins with an element."""
    tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    tab.goto(page.as_uri())
    tab.locator(start).evaluate(
        "(element) => scrollTo({ top: element.getBoundingClientRect().top, behavior: 'instant' })"
    )
    picture = tab.screenshot()
    tab.close()
    return picture


def beside(browser: Browser, pictures: list[bytes]) -> bytes:
    """Pictures in a row, smaller."""
    width, height = round(WIDTH * SCALE), round(HEIGHT * SCALE)
    tab = browser.new_page(viewport={"width": len(pictures) * (width + GAP) - GAP, "height": height})
    sources = [f"data:image/png;base64,{base64.b64encode(one).decode()}" for one in pictures]
    images = "".join(f'<img width="{width}" src="{source}">' for source in sources)
    tab.set_content(f'<body style="margin: 0; display: flex; gap: {GAP}px; background: none">{images}')
    return tab.screenshot(omit_background=True)


def main(report: Path, target: Path) -> None:
    """Draws the page anew and writes its picture."""
    chromium = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if chromium is None:
        sys.exit("There is no Chromium: apt-get install chromium.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page = ovprep.report_page(report, Path(folder) / "report.html")
        sandbox = ["--no-sandbox"] if os.getuid() == 0 else []
        browser = driver.chromium.launch(executable_path=chromium, args=sandbox)
        picture = beside(browser, [half(browser, page, scheme, start) for scheme, start in HALVES])
        browser.close()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(picture)
    print(f"{target}: {len(picture) // 1024} KiB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
