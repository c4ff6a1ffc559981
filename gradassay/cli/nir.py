"""``gradassay nir``: run a NIR graph under a named dialect, and compare it with a recording."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts

from gradassay.cli.exit_codes import FAILED, PASSED
from gradassay.cli.files import require_new_file, write_json
from gradassay.cli.lines import print_line
from gradassay.cli.nir_roundtrip import roundtrip

if TYPE_CHECKING:
    from gradassay.crosscheck.nir import Dialect, Explanation, Graph, Run

app = cyclopts.App(name="nir", help="Run NIR graphs and compare them with recordings.")
app.command(roundtrip)


@app.command
def run(
    file: Path,
    /,
    *,
    input: Path,  # noqa: A002, RUF100
    out: Path,
    dialect: str = "reference",
    dt: float | None = None,
    steps: int | None = None,
    overwrite: bool = False,
) -> int:
    """Run a NIR graph and write what its outputs and neurons give.

    Parameters
    ----------
    file
        The graph, .nir.
    input
        A .npy file of shape (T, *shape of the graph's input), or of one step with --steps.
    out
        Results folder: run.json names the nodes and their .npy files, each (T, *shape).
    dialect
        reference, norse, snntorch, spikingjelly or sinabs.
    dt
        Time step in place of the dialect's.
    steps
        Steps to run; all of the input's where not given.
    overwrite
        Replace the results that are there.
    """
    from gradassay.core.errors import UsageError
    from gradassay.crosscheck.nir import (
        find_dialect,
        prepare_input,
        read_array,
        read_graph,
        run_graph,
    )

    chosen = find_dialect(dialect, dt)
    _require_target(out, overwrite=overwrite)
    graph = read_graph(file)
    values = prepare_input(read_array(input), graph, steps)
    done = run_graph(graph, values, chosen)
    try:
        _write_run(out, done, chosen, file.name)
    except OSError as error:
        problem = error.strerror or str(error)
        raise UsageError(f"--out: {str(out)!r} cannot be written ({problem}).") from None
    for name, spikes in done.spikes.items():
        print_line(f"{name!r}: {int(spikes.sum()):,} spikes of {spikes.size:,} entries")
    print_line(f"run: {out}")
    return PASSED


@app.command
def compare(
    file: Path,
    /,
    *,
    input: Path,  # noqa: A002, RUF100
    recorded: Path,
    dialect: str | None = None,
    dt: float | None = None,
    steps: int | None = None,
    node: str | None = None,
    columns: tuple[int, ...] = (),
    shift: int = 0,
    rank: int = 5,
    json: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Compare recorded spikes with a run; exits with 1 where an entry differs.

    Parameters
    ----------
    file
        The graph, .nir.
    input
        A .npy file of shape (T, *shape of the graph's input), or of one step with --steps.
    recorded
        Spikes: .npy of shape (T, n); .csv with a row a step; or .csv of events under the header
        step,neuron or time,neuron.
    dialect
        Of the run; all of them and their variations, ranked, where not given.
    dt
        Time step in place of the dialects' own.
    steps
        Steps to run; all of the input's where not given.
    node
        The spiking node that was recorded; the one that feeds the output where not given.
    columns
        Columns of a .csv table that hold spikes, from 0; may be given several times.
    shift
        Steps by which the recording may be early or late, 0 to 2; the best is taken.
    rank
        Dialects to show.
    json
        Also write the outcome to this file.
    overwrite
        Replace the file.
    """
    from gradassay.core.errors import UsageError
    from gradassay.crosscheck.nir import (
        PRESETS,
        best,
        explain,
        find_dialect,
        prepare_input,
        read_array,
        read_graph,
        read_recording,
        recorded_node,
        with_variations,
    )

    require_new_file("--json", json, overwrite=overwrite)
    if not 0 <= shift <= 2:
        raise UsageError(f"--shift: got {shift}; expected 0, 1 or 2.")
    if rank < 1:
        raise UsageError(f"--rank: got {rank}; expected at least 1.")
    presets = tuple(find_dialect(each.name, dt) for each in PRESETS)
    tried = (find_dialect(dialect, dt),) if dialect else with_variations(presets)
    graph = read_graph(file)
    values = prepare_input(read_array(input), graph, steps)
    where = recorded_node(graph, node)
    shape = (len(values), _neurons(graph, where))
    spikes = read_recording(recorded, shape, columns=columns, dt=dt)
    shifts = range(-shift, shift + 1)
    found = explain(graph, values, spikes, where, dialects=tried, shifts=shifts)
    if found[0].differing is None:
        raise UsageError(f"dialect {found[0].dialect.name!r}: {found[0].problem}")
    _show(found[:rank], best(found))
    if json:
        _write(json, found[:rank], best(found), where)
    return PASSED if found[0].differing == 0 else FAILED


def _neurons(graph: Graph, node: str) -> int:
    """Return the number of neurons of a node."""
    return math.prod(graph.shapes[node])


def _require_target(out: Path, *, overwrite: bool) -> None:
    """Raise unless the folder is new or empty, or an old run that may be replaced."""
    from gradassay.core.errors import UsageError

    old = os.path.isfile(out / "run.json")
    if old and not overwrite:
        raise UsageError(f"--out: {str(out)!r} holds a run; choose another or add --overwrite.")
    if not old and os.path.exists(out) and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"--out: {str(out)!r} is not empty and no run; choose another folder.")


def _write_run(folder: Path, done: Run, dialect: Dialect, source: str) -> None:
    """Write a run as arrays and their list, all or nothing."""
    import numpy as np

    from gradassay.core.atomic import folder_beside, take_place

    listed = []
    kinds = (("output", done.outputs), ("spikes", done.spikes), ("membrane", done.membrane))
    with folder_beside(folder) as fresh:
        for kind, arrays in kinds:
            for number, (name, values) in enumerate(arrays.items()):
                file = f"{kind}_{number}.npy"  # names of nodes are not fit for files
                np.save(fresh / file, values)
                listed.append({"kind": kind, "node": name, "file": file})
        about = {"graph": source, "dialect": dataclasses.asdict(dialect), "arrays": listed}
        (fresh / "run.json").write_text(dumps(about, indent=2) + "\n", encoding="utf-8")
        take_place(fresh, folder)


def _show(shown: Sequence[Explanation], ties: Sequence[Explanation]) -> None:
    """Print the best explanations, ties named."""
    for each in shown:
        print_line(_line(each))
    if len(ties) > 1:
        names = "; ".join(each.dialect.name for each in ties)
        print_line(f"{len(ties)} explain it equally well: {names}")


def _write(
    file: Path, shown: Sequence[Explanation], ties: Sequence[Explanation], node: str
) -> None:
    """Write the same as JSON."""
    outcome = {
        "node": node,
        "best": [each.dialect.name for each in ties],
        "ranked": [_row(each) for each in shown],
    }
    write_json(file, outcome)
    print_line(f"outcome: {file}")


def _row(each: Explanation) -> dict[str, object]:
    """Return an explanation as JSON; a potential that is not there is null."""
    row = dataclasses.asdict(each)
    if each.first is not None and each.first.membrane != each.first.membrane:
        row["first"]["membrane"] = None
    return row


def _line(each: Explanation) -> str:
    """Return an explanation as one line."""
    if each.differing is None:
        return f"{each.dialect.name}: cannot run: {each.problem}"
    text = f"{each.dialect.name}: {each.differing:,} of {each.entries:,} entries differ"
    if each.shift:
        late = "late" if each.shift > 0 else "early"
        text += f", recording {abs(each.shift)} {late}"
    if each.first is None:
        return text
    first = each.first
    where = f"first at step {first.step}, neuron {first.neuron}, potential {first.membrane:.9g}"
    return f"{text}; {where}: {first.ours:g} here, {first.recorded:g} recorded"
