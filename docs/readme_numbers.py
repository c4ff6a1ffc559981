"""Write numbers of the README out of committed results, each between two comments that name it.

Run it from anywhere: ``python docs/readme_numbers.py``. A test compares the README with what it
would write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from gradassay.reports.formats import estimate

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"

Accuracy = dict[str, float]


def speed() -> str:
    """Return how fast training steps are, of ``gradassay bench``."""
    found = json.loads((RESULTS / "speed.json").read_text())
    timings = {timing["name"]: timing for timing in found["timings"]}
    bp, opzo = timings["spatial_bp"], timings["opzo"]
    shares = [f"{timing['to_floor']['value']:.2f}" for timing in (bp, opzo)]
    other = found["fastest_other"]
    ratios = [f"{timing['faster_than'][other]['value']:.1f}" for timing in (bp, opzo)]
    return (
        f"On {found['threads']} CPU cores a training step of 784-800-800-10, T = {found['steps']},"
        f" batch {found['batch_size']}, takes {shares[0]} of the time of its\n"
        f"bare matrix products with spatial BP and {shares[1]} with OPZO, since spikes have cheaper"
        f" products than\nnumbers: {ratios[0]} and {ratios[1]} times as fast as the fastest of"
        " snnTorch, SpikingJelly, Norse and sinabs."
    )


def first_look() -> str:
    """Return the table of ``make fashion``: bias, variance, cosine and accuracy of one seed."""
    measured = pd.read_parquet(RESULTS / "first-look" / "measurements.parquet")
    measured = measured[measured.layer == "total"].set_index(["subject", "quantity", "oracle"])
    columns = {
        "relative bias²": ("squared_bias", "surrogate_bp"),
        "variance": ("total_variance", ""),
        "of it noise": ("noise_variance", ""),
        "cosine": ("cosine", "surrogate_bp"),
    }
    lines = [["estimator", *columns, "test accuracy"]]
    for subject, accuracy in best_first(accuracies("first-look")):
        rows = [measured.loc[(subject, *column)] for column in columns.values()]
        cells = [" ".join(estimate(row.value, row.low, row.high)).strip() for row in rows]
        lines.append([f"`{subject}`", *cells, f"{100 * accuracy['mean']:.1f} %"])
    return table(lines)


def methods() -> str:
    """Return the table of ``make zoo``, two methods a line, best first down both columns."""
    settings = {"zoo": "", "zoo-baseline": ", baseline 0.9", "zoo-in-weights": ", in weights"}
    trained = {
        f"`{subject}`{setting}": accuracy
        for folder, setting in settings.items()
        for subject, accuracy in accuracies(folder).items()
    }
    cells = [[name, spread(accuracy)] for name, accuracy in best_first(trained)]
    half = (len(cells) + 1) // 2
    right = cells[half:] + [["", ""]] * (2 * half - len(cells))
    heading = ["method", "test accuracy, %"]
    return table([heading * 2, *(a + b for a, b in zip(cells[:half], right, strict=True))])


def convolutional() -> str:
    """Return the table of ``make conv``, best first."""
    trained = best_first(accuracies("conv"))
    rows = [[f"`{subject}`", spread(accuracy)] for subject, accuracy in trained]
    return table([["method", "test accuracy, %"], *rows])


def twenty_epochs() -> str:
    """Return the accuracies after 20 epochs, of the commands in docs/results/README.md."""
    fashion, mnist = (
        {name: f"{100 * accuracy['mean']:.1f}" for name, accuracy in accuracies(folder).items()}
        for folder in ("fashion-mnist", "mnist")
    )
    return (
        "Over 20 epochs with a slow start, fully connected: Fashion-MNIST"
        f" BP {fashion['spatial_bp']}, OPZO {fashion['opzo']}, DFA {fashion['dfa']};\n"
        f"MNIST BP {mnist['spatial_bp']}, OPZO {mnist['opzo']}."
    )


PARTS: dict[str, Callable[[], str]] = {
    part.__name__: part for part in (speed, first_look, methods, convolutional, twenty_epochs)
}


def accuracies(folder: str) -> dict[str, Accuracy]:
    """Return each method's test accuracy after the last epoch: mean, min and max over seeds."""
    trained = pd.read_parquet(RESULTS / folder / "training.parquet")
    last = trained.sort_values("epoch").groupby(["subject", "seed"]).last()["test_accuracy"]
    over_seeds = last.groupby("subject").agg(["mean", "min", "max"])
    return {subject: over_seeds.loc[subject].to_dict() for subject in trained.subject.unique()}


def best_first(trained: dict[str, Accuracy]) -> list[tuple[str, Accuracy]]:
    """Return methods and accuracies, the best mean first."""
    return sorted(trained.items(), key=lambda method: -method[1]["mean"])


def spread(accuracy: Accuracy) -> str:
    """Return mean, least and most in per cent."""
    mean, least, most = (f"{100 * accuracy[key]:.1f}" for key in ("mean", "min", "max"))
    return f"{mean} ({least}-{most})"


def table(lines: list[list[str]]) -> str:
    """Return a Markdown table, the first line as its heading."""
    rule = ["---"] * len(lines[0])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], rule, *lines[1:]])


def renewed(text: str) -> str:
    """Return the README with every part written anew.

    Raises
    ------
    ValueError
        If a part has no place in it.
    """
    for name, part in PARTS.items():
        start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        place = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"README.md: no place for {name}.")
        text = place.sub(start + part() + end, text)
    return text


if __name__ == "__main__":
    README = ROOT / "README.md"
    README.write_text(renewed(README.read_text()))
