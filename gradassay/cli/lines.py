"""Lines of text as they are: without markup or colours, never wrapped."""

from __future__ import annotations

from rich.console import Console


def print_line(text: str, *, to_stderr: bool = False) -> None:
    """Print a line on the standard output, or on the standard error."""
    Console(stderr=to_stderr, highlight=False, soft_wrap=True).print(text, markup=False)
