"""Formulas as MathML, which browsers draw without a script from the network.

A formula that docutils cannot read is an error of the build.
"""

from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def setup(app: Any) -> dict[str, bool]:
    """Add the renderer."""
    app.add_html_math_renderer("mathml", (inline, None), (display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(translator: Any, node: Any) -> None:
    """Write a formula within a line."""
    translator.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def display(translator: Any, node: Any) -> None:
    """Write a formula on lines of its own."""
    one_line = " ".join(node.astext().split())
    translator.body.append(f'<div class="formula">{tex2mathml(one_line, as_block=True)}</div>\n')
    raise nodes.SkipNode
