"""``gradassay zoo``: the estimators, and what they claim."""

from __future__ import annotations

from rich.console import Console

from gradassay.cli.exit_codes import PASSED
from gradassay.core.errors import UsageError

WIDTH = 100  # columns that the table is made for


def zoo(
    name: str | None = None,
    /,
    *,
    markdown: bool = False,
) -> int:
    """List the estimators and what they claim, or show one.

    Parameters
    ----------
    name
        An estimator of the zoo, a sum such as opzo+0.01*local_learning, or module:attribute.
    markdown
        Print the list as Markdown.
    """
    from gradassay.cli.zoo_page import page_of
    from gradassay.cli.zoo_table import zoo_markdown, zoo_table
    from gradassay.estimators import make_estimator

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, WIDTH)
    if name is not None:
        if markdown:
            raise UsageError(
                f"--markdown: got the estimator {name!r} as well; expected it with the list alone."
                " Leave one of them out."
            )
        console.print(page_of(make_estimator(name)), markup=False, soft_wrap=True)
    elif markdown:
        print(zoo_markdown())
    else:
        console.print(zoo_table())
    return PASSED
