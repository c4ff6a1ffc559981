"""Which export or import of a NIR graph changes a network, and how.

A network of a framework is run as it is, exported, written, read, imported by each framework and
run again on the same inputs. How it was changed is found out as in a cross-check: the conventions
of a single neuron, before and after.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import nir
import numpy as np
import torch
from torch import Tensor

from gradassay.core.keys import Key
from gradassay.crosscheck.findings import CLOSEST, UNKNOWN, findings
from gradassay.crosscheck.firing import HIGHEST
from gradassay.crosscheck.implementation import Answer, Profile, Task
from gradassay.crosscheck.nir.dialect import find_dialect
from gradassay.crosscheck.nir.exchange import Exchange, Runs, Weights
from gradassay.crosscheck.nir.reading import read_graph
from gradassay.crosscheck.nir.simulation import run_graph

SIZES, STEPS, SAMPLES = (20, 30, 5), 32, 4
# of the first and of the second layer, so that a good part of the neurons spikes
GAINS = (0.6, 0.8)
# how often the weights are doubled until enough of the outputs are spikes
DOUBLINGS, ENOUGH = 6, 0.1
SPIKES_ALONE = Profile(differentiates=())
Import: TypeAlias = Callable[[Any, int], Runs]


@dataclass(frozen=True)
class RoundTrip:
    """One network through one export and one import.

    Parameters
    ----------
    exporter, network, importer : str
        Framework, its configuration, and who read the graph; importer empty where it was not
        exported.
    compared, differing : int
        Entries (step, sample, neuron) of the output; those that differ.
    first : str
        The first that differs.
    changed : tuple of str
        Conventions of a neuron that are others afterwards.
    refused : str
        What the export or the import raised; empty if nothing.
    """

    exporter: str
    network: str
    importer: str
    compared: int = 0
    differing: int = 0
    first: str = ""
    changed: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True)
class OneNeuron:
    """A framework's neuron as an implementation, before or after a round trip.

    Parameters
    ----------
    name : str
        For people.
    make : callable
        From the weights and the number of samples to what runs them.
    """

    name: str
    make: Callable[[Weights, int], Runs]
    profile: Profile = SPIKES_ALONE

    def run(self, task: Task) -> Answer:
        """Return the spikes of the task's first layer."""
        weight = torch.tensor(task.params[f"{task.network.weighted[0].name}.weight"])
        run = self.make([weight.float()], task.inputs.shape[1])
        spikes = run(torch.tensor(task.inputs, dtype=torch.float32))
        return Answer({task.network.spiking[0].name: spikes.to(torch.float64).numpy()})


@dataclass(frozen=True)
class Subject:
    """A network that goes round.

    Parameters
    ----------
    exporter, network : str
        Framework and configuration.
    exchange : Exchange
        The framework's.
    weights : sequence of tensor
        Of its layers.
    inputs : tensor, shape (T, B, n)
        What it is run on.
    spikes : tensor, shape (T, B, m)
        What it gives as it is.
    """

    exporter: str
    network: str
    exchange: Exchange
    weights: Weights
    inputs: Tensor
    spikes: Tensor

    def made(self, weights: Weights) -> Any:
        """Return the network with some weights."""
        return self.exchange.NETWORKS[self.network](weights)


def round_trips(
    exporter: str, exchanges: Mapping[str, Exchange], *, seed: int = 0
) -> Iterator[RoundTrip]:
    """Yield what becomes of each network of a framework in each import, and in this package.

    Parameters
    ----------
    exporter : str
        One of the exchanges.
    exchanges : mapping from framework to Exchange
        Whose imports are tried.
    seed : int
        Of weights and inputs.
    """
    for network in exchanges[exporter].NETWORKS:
        subject = _lively(exporter, network, exchanges[exporter], seed)
        with TemporaryDirectory() as folder:
            file = Path(folder) / "network.nir"
            try:
                _write(subject, subject.weights, subject.inputs[0], file)
            except Exception as error:  # a third party's code
                yield RoundTrip(exporter, network, "", refused=_told(error))
                continue
            ours = f"gradassay, dialect {exporter}"
            yield _compared(subject, ours, partial(_by_reference, file, exporter))
            for other in exchanges.values():
                for importer, imported in other.IMPORTS.items():
                    done = _compared(subject, importer, partial(_by_import, file, imported))
                    yield _explained(done, subject, imported) if done.differing else done


def _lively(exporter: str, network: str, exchange: Exchange, seed: int) -> Subject:
    """Return a network whose weights are doubled until a good part of its neurons spikes."""
    generator = (Key(seed) / "nir" / "round trip").generator()
    weights = [
        torch.tensor(generator.normal(size=(n, m)), dtype=torch.float32) * gain
        for (m, n), gain in zip(itertools.pairwise(SIZES), GAINS, strict=True)
    ]
    inputs = torch.tensor(generator.normal(0.5, 1.0, (STEPS, SAMPLES, SIZES[0])))
    subject = Subject(exporter, network, exchange, weights, inputs.float(), torch.zeros(()))
    for _ in range(DOUBLINGS):
        spikes = exchange.runs(subject.made(subject.weights))(subject.inputs)
        subject = dataclasses.replace(subject, spikes=spikes)
        if (spikes > 0).float().mean() > ENOUGH:
            break
        subject = dataclasses.replace(subject, weights=[2 * w for w in subject.weights])
    return subject


def _write(subject: Subject, weights: Weights, inputs: Tensor, file: Path) -> None:
    """Export a network with some weights to a file."""
    with _quiet():
        nir.write(file, subject.exchange.exported(subject.made(weights), inputs))


def _by_import(file: Path, imported: Import, inputs: Tensor) -> Tensor:
    """Return the spikes of a file's network in a framework."""
    with _quiet():
        return imported(nir.read(file), inputs.shape[1])(inputs)


def _by_reference(file: Path, dialect: str, inputs: Tensor) -> Tensor:
    """Return the spikes of a file's network here, under the exporter's own dialect."""
    graph, chosen = read_graph(file), find_dialect(dialect)
    runs = [run_graph(graph, one.numpy(), chosen).outputs for one in inputs.unbind(1)]
    return torch.tensor(np.stack([next(iter(outputs.values())) for outputs in runs], axis=1))


def _compared(subject: Subject, importer: str, run: Callable[[Tensor], Tensor]) -> RoundTrip:
    """Return how the spikes of a run differ from those before."""
    trip = RoundTrip(subject.exporter, subject.network, importer)
    try:
        after = run(subject.inputs)
    except Exception as error:  # a third party's code
        return dataclasses.replace(trip, refused=_told(error))
    if after.shape != subject.spikes.shape:
        told = f"gives shape {tuple(after.shape)}; expected {tuple(subject.spikes.shape)}"
        return dataclasses.replace(trip, refused=told)
    wrong = (after != subject.spikes).numpy()
    first = ""
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        first = "step {}, sample {}, neuron {}".format(*place)
        first += f": {float(subject.spikes[place]):g} spikes, then {float(after[place]):g}"
    return dataclasses.replace(trip, compared=wrong.size, differing=int(wrong.sum()), first=first)


def _explained(trip: RoundTrip, subject: Subject, imported: Import) -> RoundTrip:
    """Return a round trip with the conventions of a neuron that are others afterwards."""

    def before(weights: Weights, samples: int) -> Runs:
        return subject.exchange.runs(subject.made(weights))

    def after(weights: Weights, samples: int) -> Runs:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "neuron.nir"
            _write(subject, weights, torch.zeros(samples, weights[0].shape[1]), file)
            with _quiet():
                return imported(nir.read(file), samples)

    try:
        rows = [list(findings(OneNeuron("one neuron", make))) for make in (before, after)]
    except Exception as error:  # a third party's code
        return dataclasses.replace(trip, changed=(f"a neuron alone: {_told(error)}",))
    old, new = ({row.convention: row.found for row in side} for side in rows)
    return dataclasses.replace(trip, changed=tuple(_changes(old, new)))


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Yield conventions that are others afterwards; what cannot be told any more is left out."""
    if new["leak"] == UNKNOWN:
        yield f"no spike on any current up to {HIGHEST:g} thresholds"
        return
    for convention in dict.fromkeys([*old, *new]):
        before, after = old.get(convention, "none"), new.get(convention, "none")
        if after not in (before, UNKNOWN) and not after.endswith(CLOSEST):
            yield f"{convention}: {before} → {after}"


def _told(error: Exception) -> str:
    """Return an exception in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Keep what frameworks print from the terminal."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
