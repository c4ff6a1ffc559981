"""The library in C: compiled once into the user's cache, and done without where it cannot be."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest
import torch

from gradassay.core.signs import draw_raw_signs
from gradassay.torch_snn.native import compiled, momentum, packing

pytestmark = pytest.mark.skipif(compiled.native_library() is None, reason="no C compiler")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a cache folder of its own, with nothing compiled in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def load() -> ctypes.CDLL | None:
    """Look for the library anew."""
    found: ctypes.CDLL | None = compiled.native_library.__wrapped__()
    return found


def test_the_library_is_compiled_once_and_kept_under_a_name_of_its_own(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load() is not None
    (file,) = cache.rglob("*.so")
    assert list(file.parent.iterdir()) == [file]
    made = file.stat().st_mtime_ns
    assert load() is not None
    assert file.stat().st_mtime_ns == made
    monkeypatch.setattr(compiled, "FLAGS", (*compiled.FLAGS, "-DOTHER"))
    assert load() is not None
    assert len(list(cache.rglob("*.so"))) == 2


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false", ""])
def test_without_a_compiler_that_works_there_is_no_library(
    compiler: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    assert (load() is None) is bool(compiler)  # an empty one is none: cc
    assert len(list(cache.rglob("*.so"))) == (not compiler)


def test_a_cache_folder_that_cannot_be_made_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert load() is None


def test_without_a_library_there_are_no_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "native_library", lambda: None)
    assert compiled.entry.__wrapped__("pack_raw", ()) is None
    monkeypatch.setattr(momentum, "entry", compiled.entry.__wrapped__)
    p, v = torch.ones(3), torch.ones(3)
    assert not momentum.momentum_step(p, v, torch.ones(3), 0.5, 0.1)
    assert p.tolist() == v.tolist() == [1.0] * 3


def test_few_rows_or_entries_are_not_worth_bits() -> None:
    rows, inner = packing.FEWEST_ROWS, packing.FEWEST_INNER
    assert packing.pack(torch.zeros(rows, inner)) is not None
    assert packing.pack(torch.zeros(rows - 1, inner)) is None
    assert packing.pack(torch.zeros(rows, inner - 1)) is None
    bits = packing.pack(torch.zeros(rows, inner))
    assert bits is not None
    assert packing.turned(bits, 1, 1) is None  # columns are rows then
    few = draw_raw_signs((2, 2, 8), [np.random.default_rng(0)], pairs=False)
    assert few is not None
    assert packing.pack_raw(few) is None
    assert packing.pack_raw_columns(few) is None
