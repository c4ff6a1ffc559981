"""Direct feedback: matrices that carry the output error to each hidden layer."""

from __future__ import annotations

from gradassay.core.arrays import Array, array_namespace, merge_replicates, split_replicates


def feed_back(matrix: Array, errors: Array, replicates: int) -> Array:
    """Return ``g[t] = M e[t]`` at one layer.

    Parameters
    ----------
    matrix : array, shape (n, m) or (R, n, m)
        Shared by all replicates, or one for each.
    errors : array, shape (T, R*B, m)
        e.
    replicates : int
        R.

    Returns
    -------
    array, shape (T, R*B, n)
    """
    xp = array_namespace(matrix)
    rows = split_replicates(errors, replicates)
    return merge_replicates(xp.matmul(rows, xp.matrix_transpose(matrix)), errors.shape[0])


def noise_times_output(noise: Array, outputs: Array, scale: float, replicates: int) -> Array:
    """Return ``Z = mean over samples and steps of z[t] o[t]^T / alpha``.

    Parameters
    ----------
    noise : array, shape (T, R*B, n)
        z.
    outputs : array, shape (T, R*B, m)
        o of the pass that the noise was injected in.
    scale : float
        alpha.
    replicates : int
        R.

    Returns
    -------
    array, shape (n, m), or (R, n, m) where R > 1
    """
    xp = array_namespace(noise)
    rows = split_replicates(noise, replicates)
    columns = split_replicates(outputs, replicates)
    mean = xp.matmul(xp.matrix_transpose(rows), columns) / (scale * rows.shape[1])
    return mean if replicates > 1 else mean[0, ...]
