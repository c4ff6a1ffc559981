"""Pages in a real browser: what only a browser can say of them.

Skipped where there is no Chromium or no playwright (the extra ``browser``).
"""

from __future__ import annotations

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from gradassay.reports.comparison import compare_results
from gradassay.reports.comparison_page import comparison_html
from gradassay.reports.store import Results
from tests.reports.conftest import build_results, make_measurements

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS = (390, 800, 1280)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def browser() -> Generator[Any, None, None]:
    with playwright.sync_playwright() as tools:
        started = tools.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(
    full: Results, full_html: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Addresses of a report and of a comparison."""
    other = build_results(measurements=[*make_measurements(seed=8)])
    folder = tmp_path_factory.mktemp("browser")
    texts = {
        "report": full_html,
        "comparison": comparison_html(compare_results(full, other), ("before", "after")),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


@pytest.fixture
def opened(browser: Any, pages: dict[str, str]) -> Generator[Any, None, None]:
    """Open a page; no message on its console, no error, no request but its own is allowed."""
    contexts, complaints = [], []

    def open_page(name: str = "report", width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                complaints.append(request.url)
                if not request.url.startswith(("file:", "data:"))
                else None
            ),
        )
        page.goto(pages[name])
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_the_body_is_never_wider_than_the_screen(opened: Any, name: str, width: int) -> None:
    page = opened(name, width)
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.check("#show-origins")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def numbers(page: Any, column: int) -> list[float]:
    """Read what a column of the first table sorts by."""
    script = (
        f"[...document.querySelector('table').tBodies[0].rows].map((row) => row.cells[{column}]"
    )
    return [float(value) for value in page.evaluate(f"{script}.dataset.value)")]


def test_a_click_sorts_and_says_so(opened: Any) -> None:
    page = opened()
    before = numbers(page, 3)
    heading = page.locator("table").first.locator("thead th").nth(3)
    button = heading.locator("button")
    assert heading.get_attribute("aria-sort") == "none"
    button.click()
    assert numbers(page, 3) == sorted(before)
    assert heading.get_attribute("aria-sort") == "ascending"
    button.click()
    assert numbers(page, 3) == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    button.click()
    assert numbers(page, 3) == before
    assert before not in (sorted(before), sorted(before, reverse=True))


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_the_keyboard_sorts_and_keeps_its_place(opened: Any, key: str) -> None:
    page = opened()
    button = page.locator("table").first.locator("thead th").nth(4).locator("button")
    button.focus()
    page.keyboard.press(key)
    assert numbers(page, 4) == sorted(numbers(page, 4))
    assert button.evaluate("(one) => one === document.activeElement")
    assert button.get_attribute("aria-label") == "Sort by cosine"


def test_sorting_a_phone_s_cards_is_in_reach(opened: Any) -> None:
    page = opened(width=390)
    button = page.locator(".stack thead button").nth(3)
    assert button.is_visible()
    button.click()
    assert numbers(page, 3) == sorted(numbers(page, 3))


def test_without_script_the_page_is_whole(opened: Any) -> None:
    page = opened(java_script_enabled=False)
    assert page.locator("button").count() == 0
    assert page.locator("table").first.is_visible()
    assert "relative bias²" in page.locator("thead").first.inner_text()


def test_injected_script_does_not_run(browser: Any, pages: dict[str, str], tmp_path: Path) -> None:
    text = Path(pages["report"].removeprefix("file://")).read_text(encoding="utf-8")
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(text.replace("</main>", "<script>window.ran = 1</script></main>"))
    page = browser.new_page()
    page.goto(spoilt.as_uri())
    assert page.evaluate("window.ran === undefined")
    page.close()


def test_dark_mode_turns_page_and_figures(opened: Any) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        body = "getComputedStyle(document.body).backgroundColor"
        ink = "getComputedStyle(document.querySelector('svg text')).fill"
        shades[scheme] = (page.evaluate(body), page.evaluate(ink))
    assert _brightness(shades["light"][0]) > 240 > 60 > _brightness(shades["dark"][0])
    assert _brightness(shades["light"][1]) < 60 < 200 < _brightness(shades["dark"][1])


def _brightness(colour: str) -> float:
    """Return the mean of red, green and blue."""
    return sum(float(part) for part in colour[4:-1].split(",")) / 3


def test_the_first_key_leads_past_the_heading(opened: Any) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    box = page.locator(".skip").bounding_box()
    assert box["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"


def test_rows_of_data_are_shown_on_request(opened: Any) -> None:
    page = opened()
    cell = page.locator("td[data-origin]").first
    content = "(one) => getComputedStyle(one, '::after').content"
    assert cell.evaluate(content) == "none"
    page.check("#show-origins")
    assert "checks[" in cell.evaluate(content)


def test_the_page_can_be_printed(opened: Any, tmp_path: Path) -> None:
    page = opened()
    pdf = page.pdf(path=str(tmp_path / "report.pdf"), format="A4")
    assert pdf.startswith(b"%PDF")
    assert 2 <= pdf.count(b"/Type /Page\n") <= 20
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("button.sort").first.is_visible()
