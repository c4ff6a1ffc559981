"""What an estimator returned, compared with the contract."""

from __future__ import annotations

from typing import Any

from gradassay.core.errors import DataError
from gradassay.core.estimator import Estimate, Estimator
from gradassay.core.network import Network


def require_estimate(
    estimator: Estimator, network: Network, found: Any, replicates: int | None = None
) -> Estimate:
    """Return what an estimator returned, if it is an estimate of this network's gradient.

    Parameters
    ----------
    estimator : Estimator
        What returned it; for messages.
    network : Network
        Whose gradient it is.
    found : object
        What `Estimator.estimate` returned; names and shapes are looked at, values are not.
    replicates : int or None
        Length of the leading axis; None where there is none.

    Raises
    ------
    DataError
        If it is no `Estimate`, or an array of the gradient is lacking or has another shape, which
        broadcasting would hide.
    """
    kind = type(estimator)
    subject = f"estimator {kind.__module__}:{kind.__qualname__}"
    if not isinstance(found, Estimate):
        raise DataError(
            f"{subject}: estimate returned {type(found).__name__}; expected a"
            " gradassay.core.estimator.Estimate. `gradassay verify` checks the whole contract."
        )
    leading = () if replicates is None else (replicates,)
    shapes = {name: (*leading, *shape) for name, shape in network.shapes.items()}
    if set(found.gradient) != set(shapes):
        raise DataError(
            f"{subject}: estimate returned gradients {sorted(found.gradient)}; expected"
            f" {sorted(shapes)}. `gradassay verify` checks the whole contract."
        )
    for name, shape in shapes.items():
        got = tuple(found.gradient[name].shape)
        if got != shape:
            raise DataError(
                f"{subject}: estimate returned a gradient of {name} of shape {got}; expected"
                f" {shape}. `gradassay verify` checks the whole contract."
            )
    return found
