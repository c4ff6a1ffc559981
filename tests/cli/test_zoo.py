"""The zoo's table and the page of one method."""

from __future__ import annotations

import pytest

from gradassay.cli.main import main
from gradassay.cli.zoo_page import page_of
from gradassay.cli.zoo_table import HEADINGS, NONE, SUMS, WIDTHS, row_of, state_words, zoo_markdown
from gradassay.core.noise import NoiseModel
from gradassay.estimators import make_estimator, zoo_names

ALL = (*zoo_names(), *SUMS)


@pytest.mark.parametrize("name", ALL)
def test_what_a_row_claims_stands_in_the_claims(name: str) -> None:
    estimator = make_estimator(name)
    row, said = row_of(estimator), [str(claim) for claim in estimator.claims]
    assert row.name == name
    for cell in (row.estimand, row.bias, row.variance, row.passes):
        assert cell == NONE or any(cell in claim for claim in said)
    assert (row.online == "yes") == ("online" in said)
    assert (row.noise == "none") == (estimator.noise is None)
    for word, cell in (("unbiased", row.estimand), ("bias", row.bias), ("variance", row.variance)):
        assert any(claim.startswith(word) for claim in said) == (cell != NONE)


def test_markdown_has_one_row_for_each_and_the_same_number_of_cells() -> None:
    head, rule, *rows = zoo_markdown().splitlines()
    assert head == f"| {' | '.join(HEADINGS)} |"
    assert rule.count("---") == len(HEADINGS)
    assert [row.split("`")[1] for row in rows] == list(ALL)
    assert {row.replace(r"\|", "").count("|") for row in rows} == {len(HEADINGS) + 1}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("spatial_bp", "none"),
        ("feedback_alignment", "like W, each layer but the first"),
        ("dfa", "(n, m) each layer"),
        ("opzo", "(n, m) each layer, 1 number"),
        ("intermediate_global", "(n, m) some layers, 1 number"),
        ("opzo+0.01*local_learning", "2 (n, m) each layer, 1 number"),
    ],
)
def test_the_state_in_words(name: str, words: str) -> None:
    assert state_words(make_estimator(name)) == words


def test_the_state_depends_on_the_options() -> None:
    assert state_words(make_estimator("zo_single_point", baseline=0.9)) == "2 numbers"


def test_noise_of_other_places_is_named() -> None:
    assert "on membranes" in row_of(make_estimator("opzo", position="membrane")).noise
    assert "not injected" in row_of(make_estimator("localzo")).noise
    assert NoiseModel(0.01, position="weights") == make_estimator("spsa").noise
    assert "on weights" in row_of(make_estimator("spsa")).noise


def test_the_table_fits_100_columns_and_breaks_names_at_their_marks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["zoo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 100
    firsts = [line[1 : WIDTHS[0] + 1].strip() for line in lines]
    for piece in ("sign_symmetric", "intermediate_", "global", "opzo+0.01*local_", "learning"):
        assert piece in firsts


def test_markdown_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "--markdown"]) == 0
    assert capsys.readouterr().out == zoo_markdown() + "\n"


def test_one_method_is_shown_with_options_and_claims(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zoo", "opzo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "opzo"
    assert lines[1].startswith("  Send the error down a running average")
    for line in ("    alpha = 0.2", "    law = 'gaussian'", "    1 forward, 0 backward"):
        assert line in lines
    for claim in make_estimator("opzo").claims:
        assert f"    {claim}" in lines


@pytest.mark.parametrize("name", ALL)
def test_every_method_has_a_page(name: str) -> None:
    lines = page_of(make_estimator(name)).splitlines()
    assert lines[0] == name
    assert lines[1].rstrip().endswith((".", ","))
    assert "``" not in lines[1]


def test_a_sum_names_the_part_of_each_option() -> None:
    lines = page_of(make_estimator("opzo+0.01*local_learning")).splitlines()
    assert "    opzo: alpha = 0.2" in lines
    assert "    local_learning: step = 0.1" in lines
