"""Peak memory of a piece of work on torch, measured."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def torch_peak_bytes(work: Callable[[], object]) -> int:
    """Return the most bytes of tensors that a piece of work held at once.

    Parameters
    ----------
    work : callable
        Run once before, so that caches are filled, and once while its tensors are watched.

    Notes
    -----
    The storage of every tensor that an operation of torch returns is watched until it is freed, on
    any device; the sum is looked at after each operation. What the work returns counts, what was
    there before does not, nor what an operation frees before it ends.

    Examples
    --------
    >>> import torch
    >>> torch_peak_bytes(lambda: torch.ones(1000) + 1)
    8000
    """
    work()
    gc.collect()
    held = _Held()
    with held:
        kept = work()
    del kept
    return held.peak


class _Held(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Storages that were made since it began, and the most that they took together."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._made: dict[int, tuple[StorageWeakRef, int]] = {}
        self._before: dict[int, StorageWeakRef] = {}

    def __torch_dispatch__(
        self, function: Any, types: Any, inputs: Any = (), options: Any = None
    ) -> Any:
        """Run an operation and watch the storages that it makes."""
        self._forget_freed()
        for reference, _ in _storages((inputs, options)):
            if reference.cdata not in self._made:
                self._before[reference.cdata] = reference
        result = function(*inputs, **(options or {}))
        for reference, size in _storages(result):
            if reference.cdata not in self._before:
                self._made[reference.cdata] = (reference, size)
        self._forget_freed()
        self.peak = max(self.peak, sum(size for _, size in self._made.values()))
        return result

    def _forget_freed(self) -> None:
        self._made = {k: v for k, v in self._made.items() if not _freed(v[0])}
        self._before = {k: v for k, v in self._before.items() if not _freed(v)}


def _freed(reference: StorageWeakRef) -> bool:
    return bool(reference.expired())  # type: ignore[no-untyped-call]


def _storages(values: Any) -> Iterator[tuple[StorageWeakRef, int]]:
    """Yield the storage of every tensor, and its bytes."""
    for value in tree_leaves(values):
        if isinstance(value, Tensor):
            storage = value.untyped_storage()
            yield StorageWeakRef(storage), storage.nbytes()  # type: ignore[no-untyped-call]
