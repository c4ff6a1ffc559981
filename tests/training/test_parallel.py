"""Two processes on shares of each batch: the same training to rounding, or in expectation."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from gradassay.core.errors import ConfigurationError
from gradassay.training.parallel import Alone, TorchGroup, process_group, share_of

# what each process runs; the first one writes what it found
CHILD = """
import itertools, pickle, sys
import numpy as np
import torch
from gradassay.core.builders import network_named
from gradassay.core.keys import Key
from gradassay.core.params import initial_params
from gradassay.estimators import make_estimator
from gradassay.torch_snn import TorchBackend
from gradassay.training import Checkpoints, PlacedData, TrainingSettings, train
from gradassay.training.data import Samples
from gradassay.training.parallel import process_group

name, options, seeds, epochs, batch, folder, out = pickle.loads(bytes.fromhex(sys.argv[1]))
torch.set_num_threads(1)
backend, network = TorchBackend("float64"), network_named("fc-12-9", 6, 3, steps=3)
generator = np.random.default_rng(0)
inputs, targets = generator.random((21, 6)), generator.integers(0, 3, 21)
data = Samples(backend, inputs, targets)
params = initial_params(network, Key(1), gain=2.0)
found = []
with process_group("cpu") as group:
    for own, seed in itertools.product(name.split(","), range(seeds)):
        checkpoints = Checkpoints(folder, {}, interval_s=0.0) if folder else None
        settings = TrainingSettings(
            epochs=epochs, batch_size=batch, learning_rate=0.1, schedule="constant", seed=seed
        )
        result = train(
            make_estimator(own, **options), backend, network, params, PlacedData(data, data),
            settings, group=group, checkpoints=checkpoints,
            start=checkpoints.latest() if folder else None,
        )
        rows = [(r.train_loss, r.train_accuracy, r.test_accuracy) for r in result.epochs]
        plain = [{n: np.asarray(a) for n, a in d.items()} for d in (result.params, result.state)]
        found.append((*plain, rows))
    with open(f"{out}.{group.rank}", "wb") as stream:
        pickle.dump(found, stream)
"""
Found = list[tuple[dict[str, np.ndarray], dict[str, np.ndarray], list[tuple[float, ...]]]]


def run(
    processes: int, tmp_path: Path, name: str, *, seeds: int = 1, epochs: int = 2, batch: int = 9,
    folder: str = "", **options: Any,
) -> list[Found]:  # fmt: skip
    """Return what each process found."""
    out = tmp_path / f"{name}-{processes}-{seeds}-{epochs}"
    given = pickle.dumps((name, options, seeds, epochs, batch, folder, str(out))).hex()
    plain = {k: v for k, v in os.environ.items() if k not in ("RANK", "WORLD_SIZE")}
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    command = [sys.executable, str(script), given]
    if processes > 1:
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        command = [sys.executable, *launcher, str(script), given]
    done = subprocess.run(
        command, env=plain | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [pickle.loads(Path(f"{out}.{rank}").read_bytes()) for rank in range(processes)]


def test_without_noise_two_processes_train_as_one(tmp_path: Path) -> None:
    # batches of 9, 9 and 3: shares of unequal sizes
    names = "spatial_bp,bptt,dfa,dkp,local_learning,feedback_alignment,sign_symmetric"
    (one,) = run(1, tmp_path, names)
    first, second = run(2, tmp_path, names)
    assert len(one) == len(first) == len(second) == 7
    for whole, mine, other in zip(one, first, second, strict=True):
        for ours, theirs in ((mine[0], whole[0]), (mine[1], whole[1])):
            for key, array in theirs.items():
                np.testing.assert_allclose(ours[key], array, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(mine[2], whole[2], rtol=1e-9)
        for key, array in mine[0].items():
            np.testing.assert_array_equal(array, other[0][key])


@pytest.mark.filterwarnings("ignore:Precision loss occurred")  # neurons that never fire
def test_momentum_feedback_and_its_gradient_are_equal_in_expectation(tmp_path: Path) -> None:
    # one batch of all samples, then the second sees what was learnt from the first; two-sided
    # Welch tests of every entry, Bonferroni, false-alarm rate 1e-3 for all
    options: dict[str, Any] = {"alpha": 0.4, "momentum": 0.5, "seeds": 300, "batch": 21}
    (one,) = run(1, tmp_path, "opzo", **options)
    both, _ = run(2, tmp_path, "opzo", **options)
    kinds = {"params": [[f[0] for f in each] for each in (one, both)]}
    kinds["state"] = [[f[1] for f in each] for each in (one, both)]
    count = sum(array.size for single, _ in kinds.values() for array in single[0].values())
    for singles, doubles in kinds.values():
        for key in singles[0]:
            single, double = (
                np.array([np.ravel(arrays[key]) for arrays in each]) for each in (singles, doubles)
            )
            if np.ptp(single) == 0:
                np.testing.assert_array_equal(single[0], double[0])
                continue
            found = stats.ttest_ind(single, double, equal_var=False)
            assert np.nanmin(found.pvalue) > 1e-3 / count, key
    spread = [np.var([np.ravel(f[1]["lif1"]) for f in each], axis=0).sum() for each in (one, both)]
    assert 0.8 < spread[1] / spread[0] < 1.25  # as many draws in all: as much noise


def test_noise_differs_between_the_processes(tmp_path: Path) -> None:
    (one,) = run(1, tmp_path, "zo_single_point", batch=20)
    both, _ = run(2, tmp_path, "zo_single_point", batch=20)
    assert not np.allclose(one[0][0]["hidden1.weight"], both[0][0]["hidden1.weight"])


def test_two_processes_resume_from_the_checkpoint_of_the_first(tmp_path: Path) -> None:
    whole, _ = run(2, tmp_path, "opzo", epochs=3)
    folder = tmp_path / "checkpoints"
    run(2, tmp_path, "opzo", epochs=3, folder=str(folder))
    paths = sorted(folder.glob("checkpoint-*"))
    paths[-1].unlink()  # as if it had ended after the one before
    pieces, _ = run(2, tmp_path, "opzo", epochs=3, folder=str(folder))
    for key, array in whole[0][0].items():
        np.testing.assert_array_equal(array, pieces[0][0][key])


def test_shares_are_the_whole_and_nobody_is_without_a_sample() -> None:
    class Of(Alone):
        def __init__(self, rank: int, size: int) -> None:
            self.rank, self.size = rank, size

    for samples, size in ((9, 2), (10, 3), (2, 4)):
        shares = [share_of(np.arange(samples), Of(rank, size)) for rank in range(size)]
        assert sum(part for _, part in shares) == pytest.approx(1)
        counted = np.concatenate([own for own, part in shares if part])
        np.testing.assert_array_equal(counted, np.arange(samples))
        assert all(len(own) for own, _ in shares)


def test_no_group_is_one_process_and_a_torch_group_needs_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with process_group("cpu") as group:
        assert group.size == 1
    with pytest.raises(ConfigurationError, match="start the command with torchrun"):
        TorchGroup()
