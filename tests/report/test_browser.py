"""In a real browser: no console message, no request, no sideways scrolling, prints as pages."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from tests.comparison.planted_table3 import measured

from trimaran.report import table3
from trimaran.report.page import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync"]  # fmt: skip
PAPER = 695  # pixels between the margins of an A4 page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH: apt install chromium"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.mark.parametrize("width", [390, 820, 1280])
@pytest.mark.parametrize("name", ["image", "value"])
def test_the_page_renders_alone_and_fits_its_width(browser, small_runs, name, width):
    opens_alone(browser, write_report(small_runs(name)).as_uri(), width)


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_of_table_3_renders_alone_and_fits_its_width(browser, tmp_path, width):
    page = tmp_path / "table-3.html"
    page.write_text(table3.render(measured()), encoding="utf-8")
    opens_alone(browser, page.as_uri(), width)


def opens_alone(browser: Any, address: str, width: int) -> None:
    """No console message, no request to elsewhere, no sideways scrolling."""
    page = browser.new_context(offline=True, viewport={"width": width, "height": 800}).new_page()
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert messages == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    page.context.close()


def test_it_prints_as_pages_and_reads_in_the_dark(browser, image_run):
    page = browser.new_context(color_scheme="dark").new_page()
    page.goto(write_report(image_run).as_uri())
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert dark != page.evaluate(colour) == "rgb(255, 255, 255)"
    page.set_viewport_size({"width": PAPER, "height": 1000})
    names = "document.querySelectorAll('tbody td:first-child').forEach(c => c.append('automobile'))"
    page.evaluate(names)
    assert page.evaluate("document.documentElement.scrollWidth") <= PAPER
    page.context.close()
