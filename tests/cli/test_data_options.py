"""Trainings on a user's own data, on images that are augmented, on events, and by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gradassay.cli.main import main
from gradassay.core.errors import UsageError
from gradassay.datasets import DATASET_NAMES
from gradassay.datasets.scaling import standardising
from gradassay.training import NAMED_RECIPES, Recipe, read_metrics, recipe_for
from gradassay.workbench.options import ProblemOptions, StartOptions
from gradassay.workbench.workbench import Workbench

FAST = ["--network", "fc-6", "--epochs", "1", "--estimators", "opzo", "--train-batch-size", "8"]


@pytest.fixture
def frames(tmp_path: Path) -> str:
    """Return the name of a data set of sequences of two channels."""
    generator = np.random.default_rng(0)
    inputs = generator.integers(0, 9, (20, 4, 2, 5, 6), dtype=np.uint8)
    targets = np.arange(20) % 3
    path = tmp_path / "own.npz"
    np.savez(
        path,
        train_inputs=inputs,
        train_targets=targets,
        test_inputs=inputs,
        test_targets=targets,
        shape=(2, 5, 6),
        scale=1.0,
    )
    return f"npz:{path}"


@pytest.fixture
def images(tmp_path: Path) -> str:
    """Return the name of a data set of colour images."""
    generator = np.random.default_rng(1)
    for part in ("train", "test"):
        for name in ("a", "b"):
            folder = tmp_path / "images" / part / name
            folder.mkdir(parents=True)
            for number in range(9):
                pixels = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return f"folder:{tmp_path / 'images'}"


def settings(out: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((out / "manifest.json").read_text())["settings"]
    return told


def test_a_users_own_sequences_train_at_their_own_number_of_steps(
    frames: str, tmp_path: Path
) -> None:
    assert main(["train", "--dataset", frames, *FAST, "--out", str(tmp_path / "t")]) == 0
    network = json.loads(settings(tmp_path / "t")["network"])
    assert network["steps"] == 4
    assert Workbench.prepare(ProblemOptions(dataset=frames, network="3C3-FC")).network.inputs == 60


def test_other_steps_than_those_of_the_data_are_refused(
    frames: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--dataset", frames, *FAST, "--steps", "6", "--out", str(tmp_path / "t")]
    assert main(words) == 2
    assert "--steps: got 6; npz:" in capsys.readouterr().err


def test_a_folder_of_images_trains_with_crops_flips_and_cutout(images: str, tmp_path: Path) -> None:
    words = ["train", "--dataset", images, *FAST, "--crop", "2", "--flip", "--cutout", "3"]
    assert main([*words, "--standardise", "--out", str(tmp_path / "t")]) == 0
    told = settings(tmp_path / "t")
    assert "crop=2, flip=True, cutout=3" in told["training"]["opzo"]
    assert told["scaling"].count(",") == 7 - 2  # three shifts and three factors


def test_standardised_channels_have_mean_0_and_variance_1(images: str) -> None:
    bench = Workbench.prepare(ProblemOptions(dataset=images, network="3C3-FC", standardise=True))
    inputs = bench.data.scaling.applied(bench.data.train_inputs).reshape(-1, 3, 64)
    np.testing.assert_allclose(inputs.mean(axis=(0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(inputs.std(axis=(0, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize("value", [0.91275554895401, 54.36249923706055, 934.0435180664062])
def test_a_channel_of_floats_that_is_the_same_everywhere_keeps_its_size(value: float) -> None:
    stored = np.full((5813, 38), value, dtype=np.float32)
    scaling = standardising(stored, 1)
    assert scaling.shift[0] == pytest.approx(value, rel=1e-7)
    assert scaling.factor == (1.0,)


def test_the_default_folder_of_results_can_be_a_file_name(
    images: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--dataset", images, *FAST]) == 0
    (out,) = (path for path in (tmp_path / "results").iterdir() if path.suffix != ".run")
    assert out.name.startswith("train-folder-")


def test_events_of_images_train_with_the_frames_that_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradassay.datasets.places.cache_folder", lambda name: tmp_path / name)
    words = ["train", "--dataset", "events:digits", *FAST, "--train-samples", "64"]
    words += ["--steps", "3", "--frames-by", "count", "--downsample", "2"]
    assert main([*words, "--out", str(tmp_path / "t")]) == 0
    network = json.loads(settings(tmp_path / "t")["network"])
    assert (network["steps"], network["layers"][0]["inputs"]) == (3, 2 * 4 * 4)
    assert "steps=3, by='count', downsample=2" in settings(tmp_path / "t")["framing"]
    (problem,) = {row.problem for row in read_metrics(tmp_path / "t.run" / "metrics.jsonl")}
    assert problem.startswith("events:digits, fc-6, T=3, 2x smaller, steps of equal count")


@pytest.mark.parametrize(
    "words", [["--downsample", "2"], ["--window-ms", "100"], ["--frames-by", "count"]]
)
def test_options_of_events_are_refused_for_images(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *FAST, *words, "--out", str(tmp_path / "t")]) == 2
    assert "--frames-by: digits holds no events" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("window", ["nan", "inf", "0", "-1"])
def test_windows_that_are_no_time_are_one_line(
    window: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--dataset", "events:digits", "--window-ms", window, "--out", str(tmp_path / "t")]
    assert main(["train", *FAST, *words]) == 2
    assert f"--window-ms: got {window}; expected" in capsys.readouterr().err


def test_crops_of_what_is_no_image_are_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    targets = np.arange(4)
    path = tmp_path / "own.npz"
    x = np.ones((4, 5))
    np.savez(path, train_inputs=x, train_targets=targets, test_inputs=x, test_targets=targets)
    words = ["train", "--dataset", f"npz:{path}", *FAST, "--flip", "--out", str(tmp_path / "t")]
    assert main(words) == 2
    assert "got data without an image shape" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["own.npz"]


def test_brackets_in_a_path_are_no_markup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--dataset", "npz:[/b]/own.npz", "--out", str(tmp_path / "t")]
    assert main(["train", *FAST, *words]) == 2
    assert "[/b]/own.npz: cannot be read" in capsys.readouterr().err


def test_measure_takes_bytes_and_sequences(frames: str, tmp_path: Path) -> None:
    words = ["measure", "--dataset", frames, "--network", "fc-6", "--estimators", "spatial_bp,opzo"]
    assert main([*words, "--budget", "256", "--batch-size", "4", "--out", str(tmp_path / "m")]) == 0


@pytest.mark.parametrize("name", ["folder:x", "npz:x.npz"])
def test_maps_of_a_users_own_have_the_gain_of_colour_images(name: str) -> None:
    own, flat = recipe_for(name, "conv5"), recipe_for(name)
    assert (own.dataset, own.gain, own.settings.learning_rate) == (name, 1.0, 0.05)
    assert (flat.gain, flat.settings.learning_rate) == (2.0, 0.1)


def test_every_name_of_a_recipe_says_data_network_and_method() -> None:
    assert len(NAMED_RECIPES) == 63
    for name, recipe in NAMED_RECIPES.items():
        assert name.startswith(f"{recipe.dataset}-{recipe.network}-")
        assert recipe.dataset in DATASET_NAMES
        found = recipe.recipe_for(recipe.network)
        assert ("alpha" in found.options_for(recipe.estimator)) == ("opzo" in recipe.estimator)
        assert found.settings.epochs >= 15


def test_a_recipe_by_name_is_data_network_and_method_and_options_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[ProblemOptions, Recipe]] = []

    def note(
        options: ProblemOptions, start: StartOptions, *, whole: None, recipe: Recipe
    ) -> Workbench:
        seen.append((options, recipe))
        raise UsageError("seen")

    monkeypatch.setattr("gradassay.workbench.workbench.Workbench.prepare", note)
    out = ["--out", str(tmp_path / "t")]
    assert main(["train", "--recipe", "cifar10-conv5-opzo", *out]) == 2
    assert main(["train", "--recipe", "cifar100-conv9-bp", "--network", "conv5", *out]) == 2
    assert main(["train", "--recipe", "mnist-fc-800-800-opzo", "--network", "fc-10", *out]) == 2
    assert [(options.dataset, options.network, own.dataset) for options, own in seen] == [
        ("cifar10", "conv5", "cifar10"),
        ("cifar100", "conv5", "cifar100"),
        ("mnist", "fc-10", "mnist"),
    ]
    mnist = seen[-1][1]
    assert (mnist.settings.epochs, mnist.options_for("opzo")["warm_up"]) == (20, 200)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--recipe", "cifar10-conv5-opz"], "Did you mean 'cifar10-conv5-opzo'?"),
        (["--recipe", "mnist-fc-800-800-bp", "--dataset", "cifar10"], "expected one of the two"),
        (["--recipe", "mnist-fc-800-800-bp", "--dataset", "digits"], "--dataset: got 'digits'"),
    ],
)
def test_a_recipe_that_does_not_exist_or_fit_is_one_line(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *words, "--out", str(tmp_path / "t")]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
