"""Estimators by name, with their options set."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence

from gradassay.core.errors import UsageError
from gradassay.core.estimator import Estimator
from gradassay.workbench.names import compact, listed


def chosen_estimators(
    names: Iterable[str],
    settings: Sequence[str] | None,
    defaults: Callable[[str], Mapping[str, object]] | None = None,
) -> dict[str, Estimator]:
    """Return estimators by name, with their options set.

    Parameters
    ----------
    names : iterable of str
        Names as `gradassay.estimators.make_estimator` takes them, sums and ``module:attribute``
        included; each may hold several, separated by commas.
    settings : sequence of str or None
        ``NAME.OPTION=VALUE``, for example ``opzo.alpha=0.1``; the name as it stands in `names`.
    defaults : callable or None
        Gives, for a name, options in force where `settings` does not say otherwise: those of a
        recipe.

    Raises
    ------
    UsageError
        If a name or an option does not exist, or a setting has another form.

    Examples
    --------
    >>> list(chosen_estimators(["dfa,opzo"], ["opzo.momentum=0.999"]))
    ['dfa', 'opzo']
    >>> list(chosen_estimators(["dfa+0.1*local_learning"], ["dfa+0.1*local_learning.gain=2"]))
    ['dfa+0.1*local_learning']
    """
    from gradassay.estimators import make_estimator

    wanted = [compact(name) for group in names for name in listed(group)]
    if not wanted:
        raise UsageError("estimators: got none; expected at least one. See `gradassay zoo`.")
    options = {name: dict(defaults(name)) if defaults else {} for name in wanted}
    for setting in settings or ():
        name, option, value = _parse_setting(setting)
        if name not in options:
            raise UsageError(
                f"--set {setting}: {name!r} is not among the chosen estimators"
                f" ({', '.join(options)}); add it or drop the setting."
            )
        options[name][option] = value
    return {name: make_estimator(name, **chosen) for name, chosen in options.items()}


def _parse_setting(setting: str) -> tuple[str, str, object]:
    """Split ``NAME.OPTION=VALUE``; the value is a Python literal or a plain word."""
    left, _, right = setting.partition("=")
    name, _, option = left.strip().rpartition(".")
    if not (name and option.isidentifier() and right):
        raise UsageError(
            f"--set: got {setting!r}; expected NAME.OPTION=VALUE, for example opzo.alpha=0.1."
        )
    try:
        return compact(name), option, ast.literal_eval(right)
    except (ValueError, SyntaxError):
        return compact(name), option, right
