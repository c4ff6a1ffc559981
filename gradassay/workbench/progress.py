"""Progress bars on the standard error."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def bar(total: int, verb: str) -> Generator[Callable[[str], None]]:
    """Show a bar with the time left; yields a function that advances it by one and names the item.

    Nothing is drawn where the standard error is not a terminal.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(verb, total=total)

        def advance(item: str) -> None:
            progress.update(task, advance=1, description=f"{verb} {item}")

        yield advance
