"""``gradassay data``: which data sets are there, and how to get one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cyclopts
from rich.console import Console
from rich.table import Table

from gradassay.cli.exit_codes import FAILED, PASSED
from gradassay.cli.lines import print_line

if TYPE_CHECKING:
    from gradassay.datasets import DatasetStatus

app = cyclopts.App(name="data", help="List, check and download data sets.")


@app.command(name="list")
def list_() -> int:
    """List the data sets and whether their files are there."""
    from gradassay.datasets import DATASET_NAMES, dataset_status

    statuses = [dataset_status(name, verify=False) for name in DATASET_NAMES]
    _print_statuses(statuses)
    return PASSED


@app.command
def check(name: str, /, *, data_dir: Path | None = None) -> int:
    """Read the files of a data set and compare them with the published ones.

    Exits with 1 where a file is missing or corrupt, or where only a part of an event set is there.

    Parameters
    ----------
    name
        As `gradassay data list` has it.
    data_dir
        Folder to look in, and nowhere else.
    """
    from gradassay.datasets import dataset_status

    status = dataset_status(name, data_dir)
    _print_statuses([status])
    for file in status.files:
        line = f"{file.state}  {file.name}" + (f"  {file.problem}" if file.problem else "")
        print_line(line)
    return PASSED if status.complete else FAILED


@app.command
def get(name: str, /) -> int:
    """Download a data set into the cache folder and check it.

    Parameters
    ----------
    name
        mnist, fashion-mnist, cifar10 or cifar100; digits comes with scikit-learn.
    """
    from gradassay.datasets import download_dataset

    _print_statuses([download_dataset(name)])
    return PASSED


def _state(status: DatasetStatus) -> str:
    """Return one word for the files of a data set."""
    if status.complete:
        return "complete"
    if not status.found:
        return "not here"
    return "corrupt" if any(file.state == "corrupt" for file in status.files) else "a part"


def _print_statuses(statuses: list[DatasetStatus]) -> None:
    """Print one row for each data set."""
    table = Table()
    for heading in ("name", "state", "MB", "license", "place"):
        table.add_column(heading, overflow="fold")
    for status in statuses:
        state = _state(status)
        megabytes = (status.size_bytes or status.download_bytes) / 1e6
        table.add_row(status.name, state, f"{megabytes:.1f}", status.license, status.place)
    Console().print(table)
