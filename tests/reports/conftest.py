"""Results as a real run leaves them, made up: four estimators on a net with two hidden layers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from gradassay.core.records import CheckResult, CostRow, EpochRow, Measurement, Verdict
from gradassay.reports import render_report
from gradassay.reports.store import TABLES, Results, to_arrow

SUBJECTS = ("spatial_bp", "dfa", "zo_single_point", "opzo")
LAYERS = ("hidden1", "hidden2", "readout", "total")
PROBLEM = "fc-800-800 on fashion-mnist, batch 128, T = 6"
SMALL = "fc-8-6-4, batch 3, T = 4"

_BIAS = {"spatial_bp": 0.0, "dfa": 1.9, "zo_single_point": 0.012, "opzo": 0.31}
_NOISE = {"spatial_bp": 0.0, "dfa": 0.0, "zo_single_point": 5.2e3, "opzo": 2.6e-3}
_BATCH = {"spatial_bp": 2.4, "dfa": 2.9, "zo_single_point": 2.1, "opzo": 2.5}
_STATE = {"spatial_bp": 0.0, "dfa": 0.95, "zo_single_point": 0.0, "opzo": 0.14}
_COSINE = {"spatial_bp": 1.0, "dfa": 0.11, "zo_single_point": 0.013, "opzo": 0.83}
_FACTOR = {"hidden1": 1.6, "hidden2": 1.0, "readout": 0.05, "total": 0.8}


def make_measurements(problem: str = PROBLEM, seed: int = 7) -> list[Measurement]:
    """Moments of all estimators by layer, with intervals."""
    rows = []
    for subject in SUBJECTS:
        for layer in LAYERS:
            moments = _moments(subject, _FACTOR[layer], layer)
            for (quantity, oracle), (value, half, level) in moments.items():
                rows.append(
                    Measurement(
                        subject, problem, layer, quantity, oracle, value, value - half,
                        value + half, level, 4096, seed, "1",
                    )
                )  # fmt: skip
    return rows


def _moments(
    subject: str, factor: float, layer: str
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Value, half width and level of every quantity of one layer."""
    feedback = 0.0 if layer == "readout" else 1.0
    bias = _BIAS[subject] * factor * feedback
    noise = _NOISE[subject] * factor * feedback
    batch, state = _BATCH[subject] * factor, _STATE[subject] * factor * feedback
    blur = 0.02 if subject == "zo_single_point" else 0.0
    cosine = 1.0 if layer == "readout" else _COSINE[subject]
    return {
        ("squared_bias", "surrogate_bp"): _with_error(bias - blur * (layer == "hidden2"), blur),
        ("noise_variance", ""): _with_error(noise),
        ("batch_variance", ""): _with_error(batch),
        ("state_variance", ""): _with_error(state),
        ("total_variance", ""): _with_error(noise + batch + state),
        ("mean_squared_error", "surrogate_bp"): _with_error(bias + noise + batch + state),
        ("cosine", "surrogate_bp"): _with_error(cosine) if cosine < 1 else (1.0, 0.0, 1.0),
    }


def _with_error(value: float, extra: float = 0.0) -> tuple[float, float, float]:
    """An exact zero, or an estimate at 95 %."""
    return (0.0, 0.0, 1.0) if value == extra == 0 else (value, 0.07 * abs(value) + extra, 0.95)


def make_checks(failures: int = 1) -> list[CheckResult]:
    """Checks of two levels for each estimator; the last estimator's first checks may fail."""
    rows = []
    for subject in SUBJECTS:
        for i in range(6):
            failed = subject == "opzo" and i < failures
            verdict: Verdict = "FAIL" if failed else "PASS"
            measured = 0.334 if failed else 3.1e-16 * i
            rows.append(
                CheckResult(
                    subject, SMALL, f"identity_{i}", i % 2, f"backends agree on signal {i}",
                    verdict, measured, measured, measured, 4.2e-13,
                    "hidden1: ratio 0.666\nhidden2: ratio 0.667" if failed else "",
                    2 if i % 2 == 0 else 4096, 7,
                )
            )  # fmt: skip
    return rows


def make_cost(problem: str = PROBLEM) -> list[CostRow]:
    """Operations, memory and time of each estimator."""
    backward = {"spatial_bp": 3_888_000.0, "dfa": 0.0, "zo_single_point": 0.0, "opzo": 0.0}
    direct = {"spatial_bp": 0.0, "dfa": 96_000.0, "zo_single_point": 9_600.0, "opzo": 192_000.0}
    seconds = {"spatial_bp": 0.0123, "dfa": 0.0119, "zo_single_point": 0.0141, "opzo": 0.0152}
    rows = []
    for subject in SUBJECTS:
        counted = {
            "forward_passes": (1.0, "passes"),
            "backward_passes": (float(subject == "spatial_bp"), "passes"),
            "forward_macs": (627_200.0, "MAC"),
            "forward_acs": (812_345.0, "AC"),
            "backward_macs": (backward[subject], "MAC"),
            "feedback_macs": (direct[subject], "MAC"),
            "update_macs": (7_660_800.0, "MAC"),
            "feedback_update_macs": (192_000.0 if subject == "opzo" else 0.0, "MAC"),
            "noise_draws": (9600.0 if "zo" in subject else 0.0, "draws"),
            "feedback_weight_bytes": (64_000.0 if subject in ("dfa", "opzo") else 0.0, "bytes"),
            "trace_bytes": (19_136.0, "bytes"),
        }
        counted["operations"] = (
            sum(v for v, unit in counted.values() if "AC" in unit),
            "operations",
        )
        rows += [CostRow(subject, problem, q, v, v, v, unit) for q, (v, unit) in counted.items()]
        time = seconds[subject]
        rows.append(CostRow(subject, problem, "step_seconds", time, time * 0.97, time * 1.05, "s"))
    return rows


def make_training(problem: str = PROBLEM, *, seeds: int = 3, epochs: int = 10) -> list[EpochRow]:
    """Training curves over several seeds."""
    draw = random.Random(3)
    goal = {"spatial_bp": 0.887, "dfa": 0.858, "zo_single_point": 0.43, "opzo": 0.879}
    rows = []
    for subject in SUBJECTS:
        for seed in range(seeds):
            for epoch in range(1, epochs + 1):
                test = goal[subject] * (1 - 0.25 * math.exp(-epoch / 2)) + draw.gauss(0, 0.004)
                rate = 0.1 * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2
                rows.append(
                    EpochRow(
                        subject, problem, seed, epoch, 2 - 1.7 * test, test + 0.01, test,
                        13.0 + draw.random(), rate,
                    )
                )  # fmt: skip
    return rows


def make_manifest() -> dict[str, object]:
    """A manifest without the clock and the machine of the test."""
    return {
        "schema_version": 1,
        "command": "gradassay bench fc-800-800 --data fashion-mnist --seed 7 --out results",
        "date_utc": "2026-01-02T03:04:05Z",
        "seed": 7,
        "settings": {"estimators": list(SUBJECTS), "noise_scale": 0.2, "law": "gaussian"},
        "data_checksums": {"train-images-idx3-ubyte.gz": "sha256:" + "3aede38d" * 8},
        "interval_method": "95 % intervals from 16 independent blocks of replicates, Student t",
        "versions": {"python": "3.11.7", "gradassay": "0.1.0", "numpy": "2.3.1"},
        "platform": "Linux-6.1-x86_64",
        "cpu_count": 8,
    }


@pytest.fixture
def measurements() -> list[Measurement]:
    return make_measurements()


@pytest.fixture
def checks() -> list[CheckResult]:
    return make_checks()


@pytest.fixture
def cost() -> list[CostRow]:
    return make_cost()


@pytest.fixture
def training() -> list[EpochRow]:
    return make_training()


@pytest.fixture
def manifest() -> dict[str, object]:
    return make_manifest()


@pytest.fixture
def as_results() -> Callable[..., Results]:
    """Build results in memory from any of the five kinds of records."""
    return build_results


def build_results(**rows: Sequence[object]) -> Results:
    """Results in memory, with a manifest of their own."""
    tables = {
        name: to_arrow(list(rows.get(name, [])), record).to_pandas()
        for name, record in TABLES.items()
    }
    return Results(**tables, manifest=make_manifest())


@pytest.fixture(scope="session")
def full() -> Results:
    """Results with all tables; never changed by a test."""
    return build_results(
        measurements=[*make_measurements()],
        checks=[*make_checks()],
        cost=[*make_cost()],
        training=[*make_training()],
    )


@pytest.fixture(scope="session")
def full_html(full: Results) -> str:
    """The report of all tables."""
    return render_report(full)
