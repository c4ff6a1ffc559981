"""A pack from a seed: problems are drawn until every comparison is safe from rounding."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from gradassay import __version__
from gradassay.core.errors import DataError
from gradassay.core.keys import Key
from gradassay.core.layers import AvgPool, Conv2d, Flatten, Layer, Linear, OnMaps, Spiking
from gradassay.core.network import Network
from gradassay.crosscheck.golden.expected import (
    Expected,
    MethodResult,
    expected_methods,
    expected_pass,
)
from gradassay.crosscheck.golden.npy import encode
from gradassay.crosscheck.golden.problems import GoldenProblem, draw_problem, networks, tells
from gradassay.crosscheck.golden.reading import Pack, checksum_of
from gradassay.crosscheck.golden.rounded import UncertainError
from gradassay.crosscheck.golden.schema import (
    FORMAT,
    SCHEMA_VERSION,
    Case,
    File,
    LayerEntry,
    Manifest,
    Method,
    NetworkEntry,
)

MOST_DRAWS = 1000
PRECISIONS = {"float64": 53, "float32": 24}
PACKAGES = ("numpy", "scipy", "array-api-compat", "msgspec")


def make_pack(seed: int = 0) -> Pack:
    """Return the pack of a seed.

    Parameters
    ----------
    seed : int
        Of all draws; the same seed gives the same bytes with the same libraries.
    """
    pen = _Pen()
    cases = [case for name in networks() for case in _cases(pen, name, Key(seed) / "golden" / name)]
    checksum = checksum_of(cases, pen.files)
    manifest = Manifest(FORMAT, SCHEMA_VERSION, seed, _versions(), checksum, cases, pen.files)
    return Pack(manifest, pen.arrays)


def _versions() -> dict[str, str]:
    libraries = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "gradassay": __version__, **libraries}


def pack_files(pack: Pack) -> dict[str, bytes]:
    """Return the files of a pack, the manifest included, by path."""
    manifest = msgspec.json.format(msgspec.json.encode(pack.manifest), indent=1)
    return {"manifest.json": manifest + b"\n", **{n: encode(a) for n, a in pack.arrays.items()}}


class _Pen:
    """What was written so far."""

    def __init__(self) -> None:
        self.files: list[File] = []
        self.arrays: dict[str, np.ndarray] = {}

    def given(self, path: str, array: np.ndarray, precision: str) -> str:
        """Write what is given; return its path."""
        return self._write(path, "given", array, precision, 0.0)

    def expected(self, path: str, found: Expected, precision: str) -> str:
        """Write what is to be answered; return its path."""
        return self._write(path, "expected", found.value, precision, found.tolerance)

    def _write(self, path: str, role: Any, array: np.ndarray, kind: str, tolerance: float) -> str:
        written = np.asarray(array).astype(kind)
        if (written != array).any():  # rounded once more for the file
            tolerance += float(f"{np.abs(array).max() * 2.0**-23:.2e}")
        data = encode(written)
        digest = hashlib.sha256(data).hexdigest()
        shape, dtype = list(written.shape), written.dtype.newbyteorder("<").str
        tolerance = float(f"{tolerance:.3g}")
        self.files.append(File(path, role, dtype, shape, len(data), digest, tolerance))  # type: ignore[arg-type]
        self.arrays[path] = written
        return path


def _cases(pen: _Pen, name: str, key: Key) -> list[Case]:
    """Return a network's cases, from the first draw in which no comparison depends on rounding."""
    for number in range(MOST_DRAWS):
        problem = draw_problem(name, key / number)
        if not tells(problem):
            continue
        problems = {"float64": problem, "float32": problem.in_float32()}
        try:
            results = {kind: _results(p, PRECISIONS[kind], key) for kind, p in problems.items()}
        except UncertainError:
            continue
        return [_case(pen, kind, problems[kind], *results[kind]) for kind in problems]
    raise DataError(f"golden {name}: no draw of {MOST_DRAWS} is safe from rounding; change --seed.")


def _results(
    problem: GoldenProblem, bits: int, key: Key
) -> tuple[dict[str, dict[str, Expected]], list[MethodResult], dict[str, str]]:
    return (expected_pass(problem, bits), *expected_methods(problem, bits, key / "state"))


def _case(
    pen: _Pen,
    kind: str,
    problem: GoldenProblem,
    forward: Mapping[str, Mapping[str, Expected]],
    methods: list[MethodResult],
    refused: dict[str, str],
) -> Case:
    """Write one network in one precision."""
    top = f"{problem.name}/{kind}"

    def given(folder: str, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
        return {n: pen.given(f"{top}/{folder}/{n}.npy", a, kind) for n, a in arrays.items()}

    def asked(folder: str, found: Mapping[str, Expected], dtype: str = kind) -> dict[str, str]:
        return {n: pen.expected(f"{top}/{folder}/{n}.npy", e, dtype) for n, e in found.items()}

    def alone(quantity: str) -> str:
        return pen.expected(f"{top}/expected/{quantity}.npy", forward[quantity][""], kind)

    return Case(
        name=top,
        network=network_entry(problem.network),
        inputs=pen.given(f"{top}/inputs.npy", problem.batch.inputs, kind),
        targets=pen.given(f"{top}/targets.npy", problem.batch.targets, "int64"),
        params=given("params", problem.params),
        noise={which: given(f"noise/{which}", z) for which, z in problem.noise.items()},
        spikes=asked("expected/spikes", forward["spikes"], "int64"),
        membrane=asked("expected/membrane", forward["membrane"]),
        outputs=alone("outputs"),
        losses=alone("losses"),
        errors=alone("errors"),
        methods=[
            Method(
                name=found.name,
                options=found.options,
                noise=found.noise,  # type: ignore[arg-type]
                scale=found.scale,
                state=given(f"state/{found.name}", found.state),
                state_after=asked(f"expected/{found.name}/state", found.state_after),
                gradient=asked(f"expected/{found.name}/gradient", found.gradient),
            )
            for found in methods
        ],
        refused=refused,
    )


def network_entry(network: Network) -> NetworkEntry:
    """Return a network as it stands in a manifest, with nothing left to a default."""
    neuron = network.neuron
    return NetworkEntry(
        layers=[_layer_entry(layer) for layer in network.layers],
        steps=network.steps,
        leak=neuron.leak,
        threshold=neuron.threshold,
        reset=neuron.reset,  # type: ignore[arg-type]
        surrogate=neuron.surrogate.kind,  # type: ignore[arg-type]
        surrogate_scale=neuron.surrogate.scale,
        mse_weight=network.loss.mse_weight,
    )


def _layer_entry(layer: Layer) -> LayerEntry:
    kinds: dict[type, Any] = {
        Linear: "linear",
        Conv2d: "conv2d",
        AvgPool: "avgpool",
        Flatten: "flatten",
        Spiking: "spiking",
    }
    return LayerEntry(
        type=kinds[type(layer)],
        name=layer.name,
        inputs=layer.inputs,
        outputs=layer.outputs,
        input_shape=list(layer.input_shape) if isinstance(layer, OnMaps) else None,
        output_shape=list(layer.output_shape) if isinstance(layer, Conv2d | AvgPool) else None,
        kernel=layer.kernel if isinstance(layer, Conv2d | AvgPool) else None,
        padding=layer.padding if isinstance(layer, Conv2d) else None,
        bias=layer.bias if isinstance(layer, Linear | Conv2d) else False,
    )
