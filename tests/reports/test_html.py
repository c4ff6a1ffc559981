from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gradassay.core.errors import DataError, UsageError
from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement
from gradassay.reports import read_results, render_report, write_report, write_results
from gradassay.reports.rows import load_rows
from gradassay.reports.store import Results
from gradassay.reports.summary import summary_table

AsResults = Callable[..., Results]
HOSTILE = "<script>alert(1)</script>\"'&$x$ {{ 7 * 7 }} |\n\x00"
VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """Tags, attributes and text of a page; complains where tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.tags if attribute in attrs]

    def count(self, name: str) -> int:
        return sum(tag == name for tag, _ in self.tags)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page(full_html: str) -> Page:
    return Page(full_html)


def test_page_needs_no_network(full_html: str, page: Page) -> None:
    assert page.count("iframe") == page.count("img") == 0
    links = page.values("href") + page.values("src")
    assert links
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert not re.search("https?://|@import", full_html)
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", full_html))
    assert "default-src 'none'" in full_html


def test_the_same_results_give_the_same_page(full: Results, full_html: str) -> None:
    assert render_report(full) == full_html


def test_ids_are_unique_and_every_reference_has_a_target(page: Page) -> None:
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    inner = [link[1:] for link in page.values("href") if link.startswith("#")]
    inner += page.values("aria-labelledby") + page.values("aria-describedby")
    inner += [value[5:-1] for value in page.values("clip-path")]
    assert set(inner) <= set(ids)


def test_every_figure_has_text_alternatives(page: Page) -> None:
    figures = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(figures) == 9
    for attrs in figures:
        assert attrs["role"] == "img"
        assert attrs["aria-label"]
    assert page.count("desc") == len(figures)
    assert page.count("title") == len(figures) + 1
    assert "zo_single_point 4,162 [3,870, 4,453]" in page.text


def test_figures_take_their_colours_from_the_page(full_html: str) -> None:
    assert "prefers-color-scheme: dark" in full_html
    assert "currentColor" in full_html
    assert not re.search(r"(fill|stroke): #", full_html)


def test_numbers_of_the_summary_are_in_the_tables_below(full: Results, full_html: str) -> None:
    tables = full_html[full_html.index('<section id="bias"') :]
    for row in summary_table(load_rows(full)).rows:
        for cell in row[2:]:
            assert f">{cell.text}<" in tables
            assert cell.note == "counted" or cell.note.split("\n")[0] in tables


def test_first_screen_says_what_failed_and_how_much_noisier_it_is(page: Page) -> None:
    assert "1 of 24 checks failed (opzo: 1)." in page.text
    assert "zo_single_point 2,168 times [1,884, 2,494]" in page.text
    assert "5 of 6 passed" in page.text


def test_failures_come_first_and_with_their_detail(page: Page) -> None:
    text = page.text
    assert "hidden1: ratio 0.666" in text
    assert text.index("FAIL") < text.index("PASS")
    assert "0.334 > 4.20" in text


def test_hostile_text_is_escaped_everywhere(
    as_results: AsResults,
    measurements: list[Measurement],
    checks: list[CheckResult],
    cost: list[CostRow],
    training: list[EpochRow],
) -> None:
    def spoil(row: Any) -> Any:
        names = ("subject", "problem", "layer", "quantity", "oracle", "unit", "claim", "detail")
        return replace(row, **{n: HOSTILE + n for n in names if hasattr(row, n)})

    rows = {
        "measurements": [*measurements, *map(spoil, measurements[:2])],
        "checks": [*checks, spoil(checks[0])],
        "cost": [*cost, spoil(cost[0])],
        "training": [*training, *map(spoil, training[:3])],
    }
    results = as_results(**rows)
    results.manifest["command"] = HOSTILE
    results.manifest["settings"] = {HOSTILE: HOSTILE}
    page = Page(render_report(results))
    assert page.count("script") == 1
    assert "{{ 7 * 7 }}" in page.text
    assert "<script>alert(1)</script>" in page.text


def test_values_without_a_place_on_an_axis_are_shown_as_they_are(
    as_results: AsResults, measurements: list[Measurement], cost: list[CostRow]
) -> None:
    odd = [
        replace(measurements[0], value=math.nan, low=math.nan, high=math.nan),
        replace(measurements[1], value=-0.5, low=-1.0, high=math.inf),
        *measurements[2:],
    ]
    page = Page(render_report(as_results(measurements=odd, cost=cost)))
    assert "NaN" in page.text
    assert "\u22120.500" in page.text
    assert "[\u22121.00, \u221e]" in page.text
    assert "Not drawn where not finite" in page.text


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0, 1e-300, 1e300])
def test_any_value_in_every_place_renders(
    as_results: AsResults,
    measurements: list[Measurement],
    cost: list[CostRow],
    training: list[EpochRow],
    value: float,
) -> None:
    rows = {
        "measurements": [replace(row, value=value, low=value, high=value) for row in measurements],
        "cost": [replace(row, value=value, low=value, high=value) for row in cost],
        "training": [
            replace(row, test_accuracy=value, train_loss=value, seconds=value) for row in training
        ],
    }
    page = Page(render_report(as_results(**rows)))
    for subject in {row.subject for row in measurements}:
        assert subject in page.text


SECTIONS = {
    "measurements": {"definitions", "bias", "direction"},
    "checks": {"definitions", "checks"},
    "cost": {"definitions", "cost"},
    "training": {"training"},
}


@pytest.mark.parametrize("kind", SECTIONS)
def test_sections_without_data_are_left_out(
    as_results: AsResults, full: Results, kind: str
) -> None:
    rows = load_rows(full)
    page = Page(render_report(as_results(**{kind: list(getattr(rows, kind))})))
    sections = {attrs["id"] for tag, attrs in page.tags if tag == "section"}
    assert sections == {"answer", "reproduce"} | SECTIONS[kind]


def test_results_without_rows_and_with_a_bare_manifest_render(as_results: AsResults) -> None:
    results = as_results()
    results.manifest.clear()
    assert "holds no results" in Page(render_report(results)).text


def test_unknown_quantities_are_in_the_tables(
    as_results: AsResults, measurements: list[Measurement], cost: list[CostRow]
) -> None:
    rate = replace(measurements[0], quantity="spike_rate", oracle="", value=0.123, unit="Hz")
    joules = replace(cost[0], quantity="energy", value=4.5, low=4.0, high=5.0, unit="J")
    page = Page(render_report(as_results(measurements=[*measurements, rate], cost=[joules])))
    assert "spike rate, Hz" in page.text
    assert "energy, J" in page.text
    assert "[4, 5]" in page.text
    assert "No definition in this version." in page.text


def test_several_problems_get_a_block_and_a_row_each(
    as_results: AsResults, measurements: list[Measurement]
) -> None:
    other = [replace(row, problem="conv5 on cifar-10") for row in measurements]
    results = as_results(measurements=[*measurements, *other])
    page = Page(render_report(results))
    assert sum(tag == "svg" for tag, _ in page.tags) == 12
    assert "opzo on conv5 on cifar-10" in page.text
    assert len(summary_table(load_rows(results)).rows) == 8


def test_divergence_is_said(as_results: AsResults, training: list[EpochRow]) -> None:
    lost = [
        replace(row, train_loss=math.nan) if row.epoch > 4 and row.subject == "dfa" else row
        for row in training
    ]
    text = Page(render_report(as_results(training=lost))).text
    assert "seed 0 diverged in epoch 5" in text


def test_report_is_written_beside_its_results(tmp_path: Path, manifest: dict[str, object]) -> None:
    folder = write_results(tmp_path / "r", manifest=manifest)
    path = write_report(folder)
    assert path == folder / "report.html"
    assert path.read_text(encoding="utf-8") == render_report(read_results(folder))
    assert write_report(folder, tmp_path / "deep" / "page.html").exists()
    write_results(folder, manifest=manifest, overwrite=True)
    assert not path.exists()


def test_a_report_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, manifest: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_results(tmp_path / "r", manifest=manifest)
    path = write_report(folder)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(UsageError, match=r"report: cannot write .*No space left"):
        write_report(folder)
    assert path.read_bytes() == before
    assert len(list(folder.iterdir())) == 10


def test_a_folder_is_no_place_for_a_report(tmp_path: Path, manifest: dict[str, object]) -> None:
    folder = write_results(tmp_path / "r", manifest=manifest)
    with pytest.raises(UsageError, match="it is a folder"):
        write_report(folder, tmp_path)


def test_a_report_of_nothing_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        write_report(tmp_path / "none")
