"""Names and texts of the data come out as they are, whatever they hold, in every form."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gradassay.core.records import Measurement
from gradassay.reports import render_markdown, render_report
from gradassay.reports.cells import Cell, Table
from gradassay.reports.latex import latex_text, table_latex
from gradassay.reports.layer_figures import cosine_panel
from gradassay.reports.palette import looks
from gradassay.reports.results_json import results_json
from gradassay.reports.svg import at_width
from gradassay.reports.tables import markdown_text, table_markdown
from tests.properties import examples
from tests.reports.conftest import build_results, make_checks, make_cost
from tests.reports.pages import Elements

HOSTILE = (
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</style></script><!--",
    "a|b\\|c \\",
    "$x_1^2$ 50% {#1} ~ & \\input{/etc/passwd}",
    "\\end{tabular}\\write18{ls}",
    "% comment",
    "two\nlines\r\n\ttab",
    "\u202eright to left\u202c \u200b",
    "[link](javascript:alert(1)) ![x](y) **bold** `code` _em_ ~~gone~~",
    "&lt;b&gt; &#60; &amp;",
    "{{ 7 * 7 }} {% raw %}",
    "=1+1",
    "[first",
    "--two -- dashes---",
    "long" * 500,
    "",
)
NAMES = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(codec="utf-8"), max_size=40))
SPECIAL = re.compile(r"(?<!\\)[&%$#_{}~^]")


def plain(text: str) -> str:
    """Return what can be seen of a text, on one line."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@settings(max_examples=examples(40), deadline=None)
@given(name=NAMES)
@example(name=HOSTILE[0])
@example(name=HOSTILE[1])
def test_a_page_shows_any_name_and_obeys_none(name: str) -> None:
    check = replace(make_checks()[0], subject=name, problem=name, claim=name, detail=name)
    cost = replace(make_cost()[0], subject=name, problem=name, unit=name)
    results = build_results(checks=[check], cost=[cost])
    results.manifest.update(command=name, settings={name: name}, interval_method=name)
    page = Elements(render_report(results))
    assert len(page.named("script")) == 1
    assert not page.named("img")
    assert not [a for one in page.all for a in one.attributes if a.startswith("on")]
    body = " ".join(page.named("body")[0].text.replace("\x00", " ").split())
    wanted = " ".join(name.replace("\x00", " ").split())
    assert wanted in body


@settings(max_examples=examples(150), deadline=None)
@given(name=NAMES, note=NAMES)
def test_latex_of_any_name_keeps_its_structure(name: str, note: str) -> None:
    table = Table(name, (name, "value"), ((Cell(name), Cell("1", note)), (Cell("b"), Cell("2"))))
    text = table_latex(table)
    lines = text.splitlines()
    rows = [line for line in lines if line.endswith(r" \\")]
    assert len(rows) == 3
    for row in rows:
        assert len(re.findall(r"(?<!\\)&", row.replace(r"\\", ""))) == 1
        assert not row.startswith(("[", "*"))
    assert [lines.index(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")]
    start = lines.index(r"\begin{tabular}{lr}")
    assert all(line.startswith("%") for line in lines[:start])
    body = "\n".join(lines[start:])
    assert body.count(r"\begin{") == body.count(r"\end{") == 1
    assert balanced(text)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no TeX on this machine")
def test_tex_sets_a_table_of_hostile_names(tmp_path: Path) -> None:
    symbols = "\u2212 \u00d7 10\u207b\u00b3 \u2264 \u221e \u00b5 \u2026"
    rows = tuple((Cell(name[:60]), Cell(symbols, name[:60])) for name in HOSTILE)
    (tmp_path / "t.tex").write_text(table_latex(Table("\\end{a}\n", ("a & b", "[c]"), rows)))
    head = r"\documentclass{article}\usepackage{booktabs}\usepackage[paperwidth=90cm]{geometry}"
    text = head + r"\begin{document}\input{t.tex}\end{document}"
    (tmp_path / "all.tex").write_text(text)
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").stat().st_size > 10_000


def balanced(text: str) -> bool:
    """Whether braces that are not escaped close in order, comments aside."""
    depth = 0
    for line in text.splitlines():
        if line.startswith("%"):
            continue
        for brace in re.findall(r"(?<!\\)[{}]", line):
            depth += 1 if brace == "{" else -1
            if depth < 0:
                return False
    return depth == 0


@given(name=NAMES)
def test_latex_text_has_no_special_character_left(name: str) -> None:
    text = latex_text(name)
    for known in (
        r"\textbackslash{}", r"\textasciitilde{}", r"\textasciicircum{}", r"\textless{}",
        r"\textgreater{}", r"\textbar{}", r"\dots{}", r"$\times$", r"$\infty$", r"$\le$",
        r"$\mu$", "$-$", "-{}",
    ):  # fmt: skip
        text = text.replace(known, "")
    text = re.sub(r"\$\^\{[-\d]+\}\$", "", text)
    assert not SPECIAL.search(text)
    assert "\n" not in text


@settings(max_examples=examples(150), deadline=None)
@given(name=NAMES)
def test_markdown_shows_any_name_as_it_is(name: str) -> None:
    shown = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(
        table_markdown(Table("", ("a", "b"), ((Cell("x" + name), Cell("1")),)))
    )  # fmt: skip
    cells = re.findall(r"<td[^>]*>(.*?)</td>", shown, flags=re.DOTALL)
    assert len(cells) == 2
    assert "<" not in cells[0].replace("<br>", "")
    assert html.unescape(cells[0]) == plain("x" + name)


def test_markdown_leaves_plain_names_and_intervals_alone() -> None:
    for text in ("local_learning", "0.248 [0.231, 0.265] n = 4,096", "fc-800, T = 6 (a)"):
        assert markdown_text(text) == text


@given(name=NAMES)
@settings(max_examples=examples(60), deadline=None)
def test_json_and_summary_hold_any_name(name: str) -> None:
    results = build_results(checks=[replace(make_checks()[0], subject=name, detail=name)])
    results.manifest["settings"] = {name: name}
    text = results_json(results)
    assert json.loads(text)["tables"]["checks"][0]["detail"] == name
    assert text.isascii()
    assert len(render_markdown(results).strip().splitlines()) <= 7


@pytest.mark.parametrize("name", HOSTILE)
def test_figures_draw_any_name_and_are_whole(name: str, measurements: list[Measurement]) -> None:
    rows = [replace(row, subject=name) for row in measurements if row.quantity == "cosine"][:4]
    with at_width(3.3) as figures:
        cosine_panel(rows, looks([name]), "x")
    root = ET.fromstring(figures[0].svg)
    assert not [one for one in root.iter() if one.tag.endswith(("script", "image"))]
    assert figures[0].pdf.startswith(b"%PDF")
