"""``gradassay bench``: training steps and draws as ratios to bare products."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from gradassay.cli.exit_codes import INCONCLUSIVE, PASSED
from gradassay.cli.files import require_new_file, write_json
from gradassay.cli.lines import print_line
from gradassay.cli.options import require_names
from gradassay.core.errors import UsageError

if TYPE_CHECKING:
    from gradassay.bench.compare import Comparison
    from gradassay.core.records import Interval


def bench(
    *,
    network: str = "fc-800-800",
    inputs: str = "784",
    classes: int = 10,
    steps: int = 6,
    batch_size: int = 128,
    estimators: str = "spatial_bp,opzo",
    rounds: int = 25,
    threads: int | None = None,
    peers: bool = True,
    replicates: int | None = None,
    json: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Time training steps in turn with the bare products of the same shapes, and other libraries.

    Or draws of the gradient at fixed weights, folded and one by one, with `--replicates`.

    Parameters
    ----------
    network
        As in `train`: fc-800-800, or a plan as 128C3-AP2-256C3-AP2-FC.
    inputs
        Features, or channels x rows x columns as 1x28x28.
    classes
        Outputs.
    steps
        T.
    batch_size
        Samples of a step.
    estimators
        Methods, separated by commas: spatial_bp, dfa, opzo.
    rounds
        Timed steps of each subject; at least 6.
    threads
        Of torch; its own choice where not given.
    peers
        Also time snnTorch, SpikingJelly, Norse and sinabs, where they are installed.
    replicates
        Time this many draws on one batch in place of a training step.
    json
        Also write the outcome to this file.
    overwrite
        Replace the file.
    """
    import torch

    from gradassay.bench.draws import run_draws
    from gradassay.bench.suite import bench_network, run_bench

    require_new_file("--json", json, overwrite=overwrite)
    _require_least("--batch-size", batch_size, 1)
    _require_least("--rounds", rounds, 6)
    _require_least("--threads", threads, 1)
    _require_least("--replicates", replicates, 1)
    if threads is not None:
        torch.set_num_threads(threads)
    model = bench_network(network, inputs, classes, steps)
    names = require_names("estimators", estimators)
    if replicates is None:
        found = run_bench(model, batch_size, names, rounds=rounds, peers=peers)
        samples = batch_size
    else:
        found = run_draws(model, batch_size, names, replicates, rounds=rounds)
        samples = batch_size * replicates
    Console(highlight=False, soft_wrap=True).print(
        _table(found, samples, loops=replicates is not None)
    )
    if found.disturbed:
        print_line(
            f"The floor's own times spread by {100 * found.spread:.0f} % of their median: the"
            " machine is disturbed, nothing is judged. Repeat it when the machine is quiet."
        )
    if json:
        outcome = {"network": network, "steps": steps, "batch_size": batch_size, "rounds": rounds}
        outcome |= {"replicates": replicates}
        outcome |= {"threads": torch.get_num_threads()} | dataclasses.asdict(found)
        write_json(json, outcome)
    return INCONCLUSIVE if found.disturbed else PASSED


def _require_least(option: str, got: int | None, least: int) -> None:
    """Refuse a number that is given and too small."""
    if got is not None and got < least:
        raise UsageError(f"{option}: got {got}; expected at least {least}.")


def _table(found: Comparison, samples: int, *, loops: bool) -> Table:
    """Return a row a subject: time, samples a second, ratio to its floor, another's to its own.

    The other is the method's own plain loop, or the fastest other library.
    """
    table = Table()
    headings = ["draws" if loops else "step", "ms", "samples/s", "x floor"]
    other = "one by one" if loops else found.fastest_other
    headings += [f"{other} / this"] if other else []
    for heading in headings:
        table.add_column(heading, justify="left" if heading == headings[0] else "right")
    for one in found.timings:
        rate = f"{1e3 * samples / one.milliseconds.value:,.0f}"
        method = one.name.removeprefix("floor of ").split(",")[0]
        ratio = one.faster_than.get(f"{method}, one by one" if loops else other)
        cells = [_told(one.milliseconds), rate, _told(one.to_floor)]
        table.add_row(one.name, *cells, *([_told(ratio) if ratio else ""] * (len(headings) - 4)))
    return table


def _told(interval: Interval) -> str:
    return f"{interval.value:.3g} [{interval.low:.3g}, {interval.high:.3g}]"
