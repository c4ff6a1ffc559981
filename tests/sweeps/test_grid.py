"""What a grid file may say, and what each wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradassay.core.errors import GradassayError
from gradassay.sweeps import Grid, grid_points, read_grid

WHOLE = """
kinds = ["measure", "train"]
estimators = ["dfa", "opzo + 0.01*local_learning", "opzo"]
datasets = ["digits", "mnist"]
networks = ["fc-8", "fc-16-16"]
steps = [2, 4]
seeds = [0, 1, 2]
batch_sizes = [4, 8]
budgets = 512
backend = "numpy"

[options]
"opzo+0.01*local_learning.alpha" = [0.05, 0.2]
opzo.law = ["rademacher", "gaussian"]

[training]
epochs = 1
learning_rate = [0.05, 0.1]
milestones = [0.5, 0.75]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "grid.toml"
    path.write_text(text)
    return path


def test_all_axes_are_spanned_and_options_belong_to_their_estimator(tmp_path: Path) -> None:
    points = list(grid_points(read_grid(written(tmp_path, WHOLE))))
    models, subjects, seeds = 2 * 2 * 2, 1 + 2 + 2, 3
    assert len(points) == models * subjects * seeds * (2 + 2)
    assert len(set(points)) == len(points)
    assert {p.options for p in points if p.estimator == "dfa"} == {()}
    assert {p.options for p in points if p.estimator == "opzo+0.01*local_learning"} == {
        (("alpha", 0.05),),
        (("alpha", 0.2),),
    }
    trained = [p for p in points if p.kind == "train"]
    assert {p.training for p in trained} == {
        (("epochs", 1), ("learning_rate", rate), ("milestones", (0.5, 0.75)))
        for rate in (0.05, 0.1)
    }
    assert {(p.batch_size, p.budget) for p in points if p.kind == "measure"} == {(4, 512), (8, 512)}


def test_seeds_vary_fastest_and_a_single_value_is_a_list_of_one() -> None:
    points = list(grid_points(Grid(estimators=["dfa", "dkp"], seeds=[5, 3])))
    assert [(p.estimator, p.seed) for p in points] == [
        ("dfa", 5),
        ("dfa", 3),
        ("dkp", 5),
        ("dkp", 3),
    ]
    assert list(grid_points(Grid(estimators="dfa"))) == list(grid_points(Grid(estimators=["dfa"])))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("estimators = ['dfa'", "expected a TOML file"),
        ("", "no key estimators"),
        ("estimators = ['dfa']\nsteeds = [1]", "key: got 'steeds'; expected one of"),
        ("estimators = ['dfa']\nsteeds = [1]", "Did you mean 'seeds'?"),
        ("estimators = ['dfa']\nseeds = [1, 'a']", "seeds[1]: expected int"),
        ("estimators = ['dfa']\nseeds = 1.5", "seeds: expected"),
        ("estimators = ['dfa']\nkinds = ['measure', 'run']", "kinds[1]: invalid enum value 'run'"),
        ("estimators = ['dfa']\nsteps = [0]", "steps[0]: expected int >= 1"),
        ("estimators = []", "estimators: got an empty list"),
        ("estimators = ['dfa']\nseeds = []", "seeds: got an empty list"),
        ("estimators = ['dfa', ' dfa']", "estimators: got 'dfa' twice"),
        ("estimators = ['dfa']\nseeds = [1, 1]", "seeds: got 1 twice"),
        ("estimators = ['dfa']\n[options]\n'opzo.alpha' = 1", "estimator of the grid: got 'opzo'"),
        ("estimators = ['dfa']\n[options]\nalpha = 1", "options.alpha: expected NAME.OPTION"),
        ("estimators = ['dfa']\n[options]\n'dfa.alpha' = []", "dfa.alpha: got an empty list"),
        ("estimators = ['dfa']\n[options]\n'dfa.alpha' = [1, 1.0]", "dfa.alpha: got 1.0 twice"),
        ("estimators = ['dfa']\n[options]\n'dfa.alpha' = 2020-01-01", "expected a number"),
        (
            "estimators = ['dfa']\n[options]\n'dfa.alpha' = 1\ndfa.alpha = 2",
            "options.dfa.alpha: given twice",
        ),
        ("estimators = ['dfa']\n[training]\nepochs = 1", "kinds is 'measure'"),
        ("estimators = ['dfa']\noptions = 3", "options: expected object"),
    ],
)
def test_a_wrong_grid_is_one_line_that_names_the_key(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(GradassayError) as caught:
        read_grid(written(tmp_path, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_grid_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(GradassayError, match="No such file"):
        read_grid(tmp_path / "none.toml")
