"""The examples run, and the README shows what they print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def output_of(name: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_the_forgotten_scale_is_caught_and_its_factor_named() -> None:
    printed = output_of("forgotten_scale.py")
    assert printed.startswith("FAIL enumerated_mean: forgotten_scale")
    assert "0.2 times the expected one" in printed


def test_the_readme_shows_the_example_and_its_output() -> None:
    readme = (ROOT / "README.md").read_text()
    code = (ROOT / "examples" / "forgotten_scale.py").read_text().split('"""\n\n', 1)[1]
    assert code.strip() in readme
    assert output_of("forgotten_scale.py").strip() in readme
