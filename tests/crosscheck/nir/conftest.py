"""A small graph of every kind, and files of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Write = Callable[..., Path]


def lif(nir: Any, size: int, **values: float) -> Any:
    """Return a LIF neuron of the library, with the same parameters for each unit."""
    fields = {"tau": 2e-3, "r": 1.0, "v_leak": 0.0, "v_threshold": 0.1, "v_reset": 0.0} | values
    return nir.LIF(**{name: np.full(size, value) for name, value in fields.items()})


@pytest.fixture(scope="session")
def nir() -> Any:
    return pytest.importorskip("nir", reason="`pip install gradassay[nir]`")


@pytest.fixture
def chain(nir: Any) -> Any:
    """Input of 3, affine to 2, LIF, output."""
    affine = nir.Affine(weight=np.arange(6.0).reshape(2, 3) / 4, bias=np.array([0.1, -0.1]))
    return nir.NIRGraph.from_list(affine, lif(nir, 2))


@pytest.fixture
def chain_file(nir: Any, chain: Any, tmp_path: Path) -> Path:
    path = tmp_path / "chain.nir"
    nir.write(path, chain)
    return path
