"""The zoo of gradient estimators: one method a file, one line here.

What methods share: `layerwise` (passes, noise, state, weight gradients), `signal` on top of it (a
signal and a local rule), `passes`, `temporal` and `descent` below; `feedback` and `momentum` for
feedback matrices, `tangents` for forward mode, `hybrid` for sums, `online` to go step by step,
`registry` from a name to an estimator.
"""

from __future__ import annotations

from gradassay.core.estimator import Estimator
from gradassay.estimators.registry import build, names_only

ZOO: tuple[str, ...] = (
    "spatial_bp:SpatialBP",
    "bptt:BPTT",
    "feedback_alignment:FeedbackAlignment",
    "sign_symmetric:SignSymmetric",
    "dfa:DFA",
    "dkp:DKP",
    "zo_single_point:ZOSinglePoint",
    "zo_two_point:ZOTwoPoint",
    "spsa:SPSA",
    "forward_gradient:ForwardGradient",
    "pzo_two_point:PZOTwoPoint",
    "opzo:OPZO",
    "localzo:LocalZO",
    "local_learning:LocalLearning",
    "intermediate_global:IntermediateGlobal",
)

__all__ = ["ZOO", "is_name", "make_estimator", "zoo_names"]


def zoo_names() -> tuple[str, ...]:
    """Return the names of all estimators, in the zoo's order: those of their modules."""
    return tuple(line.partition(":")[0] for line in ZOO)


def make_estimator(name: str, **options: object) -> Estimator:
    """Return an estimator by its name.

    Parameters
    ----------
    name : str
        As `zoo_names` lists it; ``module:attribute``, or the name of an entry point of the group
        ``gradassay.estimators``; or a sum of methods, each with a coefficient, such as
        ``opzo+0.01*local_learning``.
    **options
        Fields of the estimator; an option that it does not have is an error. In a sum, an option
        goes to every part that has it.

    Raises
    ------
    UsageError
        If the name or an option does not exist.
    ConfigurationError
        If an option's value is impossible, or parts of a sum do not go together.

    Examples
    --------
    >>> make_estimator("opzo", alpha=0.1).noise.scale
    0.1
    >>> make_estimator("dfa+0.01*local_learning").name
    'dfa+0.01*local_learning'
    """
    zoo = {name: f"{__name__}.{line}" for name, line in zip(zoo_names(), ZOO, strict=True)}
    return build(name, zoo, options)


def is_name(name: str) -> bool:
    """Whether `make_estimator` knows a name, or would look for it in a module.

    Examples
    --------
    >>> is_name("opzo+0.01*local_learning"), is_name("my_module:Mine"), is_name("mine")
    (True, True, False)
    """
    return names_only(name, zoo_names())
