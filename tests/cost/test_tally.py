from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradassay.cost.tally import OTHER_UFUNCS, TallyingBackend
from gradassay.reference_snn import ReferenceBackend


def counting(*shapes: tuple[int, ...]) -> tuple[TallyingBackend, list[np.ndarray]]:
    backend = TallyingBackend(ReferenceBackend())
    return backend, [backend.asarray(np.ones(shape)) for shape in shapes]


@pytest.mark.parametrize(
    ("product", "shapes", "macs"),
    [
        (lambda a, b: a @ b, ((2, 3), (3, 5)), 30),
        (np.matmul, ((7, 2, 3), (3, 5)), 7 * 30),
        (lambda a, b: (a + 1) @ b.T, ((2, 3), (5, 3)), 30),
        (lambda a, b: np.einsum("ij,jk->ik", a, b), ((2, 3), (3, 5)), 30),
        (lambda a, b: np.einsum("oc,rcyx->royx", a, b), ((2, 3), (4, 3, 5, 6)), 2 * 3 * 4 * 30),
        (lambda a, b: a * b, ((2, 3), (2, 3)), 0),
    ],
)
def test_a_product_counts_one_for_each_multiplication(
    product: Callable[..., Any], shapes: tuple[tuple[int, ...], ...], macs: int
) -> None:
    backend, arrays = counting(*shapes)
    plain = product(*(np.asarray(array) for array in arrays))
    assert backend.tally.macs == 0
    assert np.array_equal(product(*arrays), plain)
    assert backend.tally.macs == macs


def test_what_is_made_of_counting_arrays_counts() -> None:
    backend, (first, second) = counting((2, 3), (3, 3))
    made = np.concatenate([first, np.exp(first)]).reshape(4, 3)[1:]
    made @ second
    assert backend.tally.macs == 3 * 3 * 3


@pytest.mark.parametrize(
    "product",
    [np.dot, np.outer, np.inner, np.tensordot, np.kron]
    + [getattr(np, name) for name in sorted(OTHER_UFUNCS)],
)
def test_products_that_would_be_missed_are_refused(product: Callable[..., Any]) -> None:
    _, (first, second) = counting((3, 3), (3, 3))
    with pytest.raises(NotImplementedError, match="not counted"):
        product(first, second)
