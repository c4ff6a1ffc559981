"""Wrong files and modules of every kind, for the commands and functions that are given them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nir
import numpy as np

from gradassay.core.records import EpochRow
from gradassay.reports import build_manifest, write_report, write_results

LONG = "x" * 300
DAMAGED = bytes(range(256)) * 4

MODULES = {
    "wrong_at_import": "raise RuntimeError('first line\\nsecond line')\n",
    "wrong_exit": "import sys\nsys.exit('bye')\n",
    "wrong_syntax": "def\n",
    "wrong_methods": """
from gradassay.estimators.dfa import DFA
import numpy as np

number = 3
text = "dfa"
nothing = None


class NoEstimate:
    name, claims, noise = "no_estimate", (), None


class OnlyEstimate:
    def estimate(self, *arguments, **options):
        raise AssertionError("never called")


class NeedsArgument:
    def __init__(self, rate):
        self.rate = rate

    def estimate(self, *arguments, **options):
        raise AssertionError("never called")


class RaisesWhenMade:
    def __init__(self):
        raise ValueError("first line\\nsecond line")


class Raises(DFA):
    def estimate(self, *arguments, **options):
        raise ZeroDivisionError("first line\\nsecond line")


class RaisesAtInit(DFA):
    def init(self, *arguments, **options):
        raise LookupError("no feedback")


class Exits(DFA):
    def estimate(self, *arguments, **options):
        raise SystemExit(0)


class WrongClaims(DFA):
    @property
    def claims(self):
        raise AttributeError("no claims today")


class WrongShape(DFA):
    def estimate(self, backend, network, params, batch, state, key, **options):
        found = super().estimate(backend, network, params, batch, state, key, **options)
        wrong = {name: array[..., :1] for name, array in found.gradient.items()}
        return type(found)(wrong, found.state, found.trace)


class ReturnsNothing(DFA):
    def estimate(self, *arguments, **options):
        return None
""",
}
GRIDS = {
    "good": "estimators = ['dfa']\nnetworks = ['fc-4']\nbudgets = 256\n",
    "empty": "",
    "no_list": "estimators = []\n",
    "twice": "estimators = ['dfa', 'dfa']\n",
    "wrong_key": "estimators = ['dfa']\nseed = 1\n",
    "wrong_type": "estimators = ['dfa']\nseeds = ['one']\n",
    "wrong_kind": "estimators = ['dfa']\nkinds = 'mesure'\n",
    "wrong_steps": "estimators = ['dfa']\nsteps = 0\n",
    "wrong_name": "estimators = ['dfaa']\n",
    "wrong_method": "estimators = ['wrong_at_import:Method']\n",
    "raising": "estimators = ['wrong_methods:RaisesAtInit']\nnetworks = ['fc-4']\nbudgets = 256\n",
    "damaged": "estimators = ['dfa'\n",
}


def write_wrong_files(folder: Path) -> None:
    """Write them all; the commands of the table run in this folder."""
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    for name, text in GRIDS.items():
        (folder / f"{name}.toml").write_text(text)
    for ending in ("npz", "npy", "nir", "zip", "json", "parquet", "csv"):
        (folder / f"empty.{ending}").touch()
        (folder / f"damaged.{ending}").write_bytes(DAMAGED)
    (folder / "latin1.toml").write_bytes(b"estimators = '\xe9'\n")
    (folder / "a_file").write_text("mine\n")
    (folder / "a_folder").mkdir()
    (folder / "a_folder" / "note.txt").write_text("mine\n")
    (folder / "empty_folder").mkdir()
    _write_results(folder)
    _write_data(folder)
    _write_graph(folder)
    _write_sweeps(folder)


def _write_results(folder: Path) -> None:
    row = EpochRow("dfa", "digits, fc-4", 0, 1, 2.0, 0.5, 0.25, 1.0, 0.1)
    good = folder / "results"
    write_results(good, training=[row], manifest=build_manifest("gradassay train", 0, {}, {}))
    write_report(good)

    def spoilt(name: str, file: str, content: bytes | None) -> None:
        shutil.copytree(good, folder / name)
        (folder / name / file).unlink()
        if content is not None:
            (folder / name / file).write_bytes(content)

    manifest = json.loads((good / "manifest.json").read_text())
    spoilt("no_manifest", "manifest.json", None)
    spoilt("no_table", "training.parquet", None)
    spoilt("damaged_table", "training.parquet", DAMAGED)
    spoilt("empty_table", "training.parquet", b"")
    spoilt("other_table", "training.parquet", (good / "cost.parquet").read_bytes())
    spoilt("damaged_manifest", "manifest.json", b'{"schema_version": ')
    spoilt("listed_manifest", "manifest.json", b"[1, 2]")
    spoilt("latin1_manifest", "manifest.json", b'{"\xe9": 1}')
    spoilt("deep_manifest", "manifest.json", b"[" * 100_000)
    older = json.dumps(manifest | {"schema_version": 1})
    spoilt("older", "manifest.json", older.encode())
    newer = json.dumps(manifest | {"schema_version": 10**6})
    spoilt("newer", "manifest.json", newer.encode())
    bare = json.dumps({"schema_version": manifest["schema_version"]})
    spoilt("bare_manifest", "manifest.json", bare.encode())
    shutil.copytree(good, folder / "folder_for_table")
    (folder / "folder_for_table" / "training.parquet").unlink()
    (folder / "folder_for_table" / "training.parquet").mkdir()


def _write_data(folder: Path) -> None:
    inputs = np.zeros((4, 9), np.float32)
    targets = np.array([0, 1, 0, 1])
    arrays: dict[str, Any] = {
        "train_inputs": inputs,
        "train_targets": targets,
        "test_inputs": inputs,
        "test_targets": targets,
    }
    np.savez(folder / "good.npz", **arrays)
    np.savez(folder / "lacks.npz", train_inputs=inputs)
    np.savez(folder / "nan.npz", **(arrays | {"train_inputs": inputs + np.nan}))
    np.savez(folder / "pickled.npz", **(arrays | {"train_inputs": np.array([{}], object)}))
    np.savez(folder / "negative.npz", **(arrays | {"train_targets": targets - 1}))
    np.savez(folder / "short.npz", **(arrays | {"train_targets": targets[:3]}))
    np.savez(folder / "narrow.npz", **(arrays | {"test_inputs": inputs[:, :8]}))
    np.save(folder / "good.npy", np.ones((5, 3)))
    np.save(folder / "wide.npy", np.ones((5, 7)))
    np.save(folder / "nan.npy", np.full((5, 3), np.nan))
    np.save(folder / "pickled.npy", np.array([{}], object))
    (folder / "images" / "train" / "cat").mkdir(parents=True)
    (folder / "images" / "train" / "cat" / "1.png").write_bytes(DAMAGED)


def _write_graph(folder: Path) -> None:
    sizes = ("tau", "r", "v_leak", "v_threshold", "v_reset")
    values = dict(zip(sizes, (2e-3, 1.0, 0.0, 0.1, 0.0), strict=True))
    neuron = nir.LIF(**{name: np.full(2, value) for name, value in values.items()})
    affine = nir.Affine(weight=np.ones((2, 3)), bias=np.zeros(2))
    nir.write(folder / "good.nir", nir.NIRGraph.from_list(affine, neuron))


def _write_sweeps(folder: Path) -> None:
    for name, manifest in (("damaged_sweep", "{"), ("older_sweep", '{"sweep_version": 0}')):
        (folder / name).mkdir()
        (folder / name / "results.parquet").write_bytes(DAMAGED)
        (folder / name / "manifest.json").write_text(manifest)
