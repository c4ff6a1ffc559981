"""Write numbers of the README out of committed results, each between two comments that name it.

Run it from anywhere: ``python docs/readme_numbers.py``. A test compares the README with what it
would write.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results"


def twenty_epochs() -> str:
    """Return the accuracies after 20 epochs, of the commands in docs/results/README.md."""
    fashion, mnist = accuracies("fashion-mnist"), accuracies("mnist")
    return (
        "Over 20 epochs with a slow start, fully connected: Fashion-MNIST"
        f" BP {fashion['spatial_bp']}, OPZO {fashion['opzo']}, DFA {fashion['dfa']};\n"
        f"MNIST BP {mnist['spatial_bp']}, OPZO {mnist['opzo']}."
    )


PARTS: dict[str, Callable[[], str]] = {"twenty_epochs": twenty_epochs}


def accuracies(folder: str) -> dict[str, str]:
    """Return each method's test accuracy in per cent after the last epoch, mean over seeds."""
    trained = pd.read_parquet(RESULTS / folder / "training.parquet")
    last = trained.sort_values("epoch").groupby(["subject", "seed"]).last()["test_accuracy"]
    means = 100 * last.groupby("subject").mean()
    return {str(name): f"{mean:.1f}" for name, mean in means.items()}


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
