"""Looking at estimators while one of them trains: rows, passengers, interruptions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gradassay.cli.main import main

QUICK = ["train", "--network", "fc-10-8", "--steps", "2", "--epochs", "2", "--train-samples", "100"]
WATCH = ["--watch-every", "3", "--watch-samples", "20", "--watch-pairs", "4"]


def moments(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "moments.parquet")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("watched") / "w"
    words = [*QUICK, *WATCH, "--estimators", "spatial_bp,opzo", "--passengers", "opzo,dfa"]
    assert main([*words, "--out", str(out)]) == 0
    return out


def test_every_estimator_is_looked_at_in_every_training(watched: Path) -> None:
    rows = moments(watched)
    assert set(rows["iteration"]) == {0, 3, 6}  # of 8: four batches an epoch
    found = rows.groupby("trained_by")["subject"].unique().map(set).to_dict()
    both = {"network", "spatial_bp", "opzo", "dfa"}
    assert found == {"spatial_bp": both, "opzo": both - {"spatial_bp"}}
    draws = rows[rows["subject"] == "opzo"]
    assert set(draws["layer"]) == {"hidden1", "hidden2", "readout", "total", "lif1", "lif2"}
    feedback = draws[draws["quantity"] == "feedback_cosine"]
    assert set(feedback["layer"]) == {"lif1", "lif2"}
    # M is 0 before the first update, and has no direction
    assert set(feedback["iteration"]) == {3, 6}
    assert feedback["value"].between(-1, 1).all()
    assert set(draws[draws["quantity"] != "feedback_cosine"]["replicates"]) == {8}
    firing = rows[rows["quantity"] == "firing_rate"]
    assert set(firing["layer"]) == {"lif1", "lif2"}
    assert firing["value"].between(0, 1).all()


def test_spatial_bp_is_its_own_oracle(watched: Path) -> None:
    rows = moments(watched).query("trained_by == 'spatial_bp' and layer == 'total'")
    values = rows.groupby(["subject", "quantity"])["value"].unique()
    assert values["spatial_bp", "noise_variance"].tolist() == [0]
    # two threads round products of two draws otherwise than those of one: a few float32 epsilons
    rounding = (1e-6 * min(values["network", "gradient_norm"])) ** 2
    assert max(values["spatial_bp", "squared_bias"]) < rounding
    assert values["spatial_bp", "cosine"] == pytest.approx(1)


def test_the_training_is_the_same_unwatched(watched: Path, tmp_path: Path) -> None:
    assert main([*QUICK, "--estimators", "spatial_bp,opzo", "--out", str(tmp_path / "t")]) == 0
    alone, seen = (
        pd.read_parquet(folder / "training.parquet").drop(columns="seconds")
        for folder in (tmp_path / "t", watched)
    )
    pd.testing.assert_frame_equal(alone, seen, check_exact=True)


def test_the_page_shows_curves_and_firing_rates(watched: Path) -> None:
    page = (watched / "report.html").read_text()
    assert "How good are the gradients while it trains?" in page
    assert "Trained by opzo on digits, fc-10-8, T=2, 100 training samples, seed 0" in page
    assert page.count("noise variance, total</title>") == 2
    assert "silent, first" in page
    assert "Interval method: Student&#39;s t over independent pairs of draws" in page
    assert "Fraction of a layer&#39;s neurons that fire on none of the samples" in page


def test_rows_after_the_checkpoint_are_not_counted_twice(watched: Path, tmp_path: Path) -> None:
    out = tmp_path / "w"
    words = [*QUICK, *WATCH, "--estimators", "spatial_bp,opzo", "--passengers", "opzo,dfa"]
    assert main([*words, "--checkpoint-every", "0", "--out", str(out)]) == 0
    # as if it had been killed in the first training, after a look that no checkpoint knows of
    for folder in (tmp_path / "w.run" / "checkpoints").iterdir():
        for checkpoint in sorted(folder.glob("checkpoint-*"))[-1:]:
            checkpoint.unlink()
    assert main([*words, "--resume", "--out", str(out)]) == 0
    pd.testing.assert_frame_equal(
        moments(out).sort_values(["trained_by", "iteration"], kind="stable", ignore_index=True),
        moments(watched).sort_values(["trained_by", "iteration"], kind="stable", ignore_index=True),
        check_exact=True,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--passengers", "dfa"], "--passengers: got some and --watch-every 0"),
        (["--watch-every", "-1"], "--watch-every: got -1; expected at least 0."),
        (["--watch-every", "1", "--watch-pairs", "3"], "--watch-pairs: got 3; expected at least 4"),
        (
            ["--watch-every", "1", "--watch-samples", "101"],
            "--watch-samples: got 101; expected",
        ),
        (["--watch-every", "1", "--passengers", "opzoo"], "Did you mean 'opzo'?"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*QUICK, *words, "--out", str(tmp_path / "t")]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
