"""Judge the ratios that asv measured: `python -m gradassay.bench.history PARENT COMMIT`.

A ratio has *regressed* where its interval lies above the parent's by more than the margin, and is
*better* where it lies below by as much. Where the median moved by more than the margin and neither
is shown, that is *noise*; *the same* is what did not move. Where either commit has no figure (the
benchmark failed, was not there, or the machine was disturbed), *nothing* was *measured*, and
nothing is said about it. Exit code 1: something regressed; 3: nothing did, but not everything was
measured.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

MARGIN = 0.05
REGRESSED, BETTER, NOISE, SAME, NOTHING = (
    "regressed",
    "better",
    "noise",
    "the same",
    "measured nothing",
)
Name = tuple[str, ...]


class Ratio(NamedTuple):
    """A median and its interval."""

    value: float
    low: float
    high: float


def judge(before: Ratio | None, after: Ratio | None, margin: float = MARGIN) -> str:
    """Return what became of a ratio of which less is better."""
    if before is None or after is None or any(map(math.isnan, (*before, *after))):
        return NOTHING
    if after.low > before.high * (1 + margin):
        return REGRESSED
    if after.high < before.low * (1 - margin):
        return BETTER
    return NOISE if abs(after.value / before.value - 1) > margin else SAME


def judged(
    before: Mapping[Name, Ratio], after: Mapping[Name, Ratio]
) -> Iterator[tuple[Name, str, Ratio | None, Ratio | None]]:
    """Yield the verdict on every ratio of either commit."""
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        yield name, judge(one, other), one, other


def exit_code(verdicts: Sequence[str]) -> int:
    """Return 1 where something regressed, 3 where something (or all) was not measured, else 0."""
    if REGRESSED in verdicts:
        return 1
    return 3 if NOTHING in verdicts or not verdicts else 0


def ratios(results_dir: str, machine: str, commit: str) -> dict[Name, Ratio]:
    """Return the ratios of a commit by benchmark and parameters; those without a figure too."""
    from asv.results import iter_results_for_machine_and_hash

    found: dict[Name, Ratio] = {}
    for results in iter_results_for_machine_and_hash(results_dir, machine, commit):
        names = set(results.get_all_result_keys())
        for name in sorted(n for n in names if {f"{n}_low", f"{n}_high"} <= names):
            params = results.get_result_params(name)
            ends = (name, f"{name}_low", f"{name}_high")
            columns = [results.get_result_value(one, params) for one in ends]
            rows = zip(*columns, strict=True)
            for place, numbers in zip(combinations(params), rows, strict=True):
                whole = all(isinstance(number, float | int) for number in numbers)
                found[name, *place] = Ratio(*(numbers if whole else [math.nan] * 3))
    return found


def combinations(params: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return all combinations of parameters, the last one fastest, as asv has them."""
    made: list[tuple[str, ...]] = [()]
    for values in params:
        made = [(*one, value.strip("'")) for one in made for value in values]
    return made


def main(words: Sequence[str]) -> int:
    """Print the verdicts on two commits."""
    if len(words) != 2:
        print("usage: python -m gradassay.bench.history PARENT COMMIT", file=sys.stderr)
        return 2
    try:
        before, after = (_of_this_machine(_hash(word)) for word in words)
    except subprocess.CalledProcessError as error:
        print(f"error: {error.stderr.strip()}; expected two commits.", file=sys.stderr)
        return 2
    verdicts = []
    for name, verdict, one, other in judged(before, after):
        print(f"{verdict:16}  {_told(one)} -> {_told(other)}  {' '.join(name)}")
        verdicts.append(verdict)
    counts = {v: verdicts.count(v) for v in (REGRESSED, BETTER, NOISE, SAME, NOTHING)}
    print("; ".join(f"{verdict}: {count}" for verdict, count in counts.items()))
    return exit_code(verdicts)


def _of_this_machine(commit: str) -> dict[Name, Ratio]:
    """Return the ratios of a commit that this machine measured."""
    from asv.config import Config
    from asv.machine import Machine

    folder = Config.load("asv.conf.json").results_dir
    return ratios(folder, Machine.get_unique_machine_name(), commit)


def _hash(commit: str) -> str:
    words = ["git", "rev-parse", "--verify", f"{commit}^{{commit}}"]
    return subprocess.run(words, capture_output=True, check=True, text=True).stdout.strip()


def _told(ratio: Ratio | None) -> str:
    if ratio is None or math.isnan(ratio.value):
        return "no figure".center(20)
    return f"{ratio.value:5.3g} [{ratio.low:5.3g}, {ratio.high:5.3g}]"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
