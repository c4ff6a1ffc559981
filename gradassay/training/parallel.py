"""Several processes that train one network on shares of each batch."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from gradassay.core.arrays import Array
from gradassay.core.errors import ConfigurationError
from gradassay.core.estimator import State
from gradassay.core.params import Params


class Group(Protocol):
    """The processes of one training."""

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def summed(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the sums over all processes, the same bits in each."""
        ...

    def wait(self) -> None:
        """Wait until all processes are here."""
        ...


class Alone:
    """A group of one process."""

    rank, size = 0, 1

    def summed(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the arrays."""
        return dict(arrays)

    def wait(self) -> None:
        """Do nothing."""


class TorchGroup:
    """The processes of an initialised ``torch.distributed`` group; arrays are tensors.

    Raises
    ------
    ConfigurationError
        If there is none.
    """

    def __init__(self) -> None:
        import torch.distributed as distributed

        if not distributed.is_initialized():
            raise ConfigurationError(
                "parallel training: no process group; start the command with torchrun, or call"
                " torch.distributed.init_process_group first."
            )
        self._distributed: Any = distributed
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()

    def summed(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the sums over all processes, the same bits in each."""
        sums = {name: array.clone() for name, array in arrays.items()}
        for array in sums.values():
            self._distributed.all_reduce(array)
        return sums

    def wait(self) -> None:
        """Wait until all processes are here."""
        self._distributed.barrier()


@contextmanager
def process_group(device: str) -> Generator[Group, None, None]:
    """Yield the group that torchrun's environment names; a single process where there is none.

    Parameters
    ----------
    device : str
        ``cpu`` takes gloo, anything else nccl.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Alone()
        return
    import torch.distributed as distributed

    distributed.init_process_group("gloo" if device == "cpu" else "nccl")
    try:
        group = TorchGroup()
        yield group
        group.wait()  # the first process keeps the store that all have to leave
    finally:
        distributed.destroy_process_group()


def share_of(samples: np.ndarray, group: Group) -> tuple[np.ndarray, float]:
    """Return a process's share of the samples of a batch, and its part of the whole.

    A process for which there is no sample left takes the first one, as no part of the whole.

    Examples
    --------
    >>> share_of(np.arange(5), Alone())
    (array([0, 1, 2, 3, 4]), 1.0)
    """
    share = np.array_split(samples, group.size)[group.rank]
    if not len(share):
        return samples[:1], 0.0
    return share, len(share) / len(samples)


def mean_gradient(gradient: Params, part: float, group: Group) -> Params:
    """Return the mean over the processes, weighted by their parts of the batch."""
    if group.size == 1:
        return gradient
    return Params(group.summed(gradient.map(lambda array: array * part)))


def mean_state(before: State, after: State, part: float, group: Group) -> State:
    """Return what was learnt by all processes: the weighted mean of the changes of each array.

    What does not change stays, to the bit.
    """
    if group.size == 1:
        return after
    changes = {name: (array - before[name]) * part for name, array in after.items()}
    return {name: before[name] + change for name, change in group.summed(changes).items()}
