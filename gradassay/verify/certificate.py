"""Certificates: what was verified, how well, and of what exactly, as one JSON document."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from gradassay.core.estimator import Estimator
from gradassay.core.records import CheckResult
from gradassay.core.schemas import without_indentation
from gradassay.verify.checks.case import Case, Settings, claims_of
from gradassay.verify.oracles.small_problems import SmallProblem

FORMAT = "gradassay-certificate-1"
PACKAGES = ("gradassay", "numpy", "scipy", "torch")


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """An estimator or a problem that was tested.

    Parameters
    ----------
    name : str
        As in the checks.
    description : str
        The estimator with all its options; the problem's network.
    digest : str
        BLAKE2b of what was tested: the estimator's description and the source of its classes; the
        problem's network, parameters and batch.
    claims : list of str
        What the estimator claims; empty for a problem.
    """

    name: str
    description: str
    digest: str
    claims: list[str] = []


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One check; the fields are those of `gradassay.core.records.CheckResult`.

    Numbers that are not finite are null.
    """

    subject: str
    problem: str
    check: str
    level: int
    claim: str
    verdict: str
    quantity: str
    measured: float | None
    low: float | None
    high: float | None
    bound: float
    detail: str
    causes: str
    evaluations: int
    planned: int
    budget: int
    look: int
    false_alarm_rate: float
    seed: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one run of a suite.

    Parameters
    ----------
    format : str
        Name and version of this schema.
    created : str
        Time in UTC, ISO 8601.
    seed : int
        Of problems and draws.
    margin : float
        Largest relative bias that a sampled check passes.
    false_alarm_rate : float
        Of the whole suite; each check has its own share of it.
    budget : int
        Most replicates of a sampled check.
    versions : dict of str to str
        Of Python and the libraries that compute.
    subjects, problems : list of Tested
        What was tested, with hashes.
    checks : list of Outcome
        In the order in which they were planned.
    """

    format: str
    created: str
    seed: int
    margin: float
    false_alarm_rate: float
    budget: int
    versions: dict[str, str]
    subjects: list[Tested]
    problems: list[Tested]
    checks: list[Outcome]


def certify(
    estimators: Mapping[str, Estimator],
    cases: Iterable[Case],
    results: Iterable[CheckResult],
    settings: Settings,
) -> Certificate:
    """Return the certificate of a run.

    Parameters
    ----------
    estimators : mapping from name to Estimator
        What was verified.
    cases : iterable of Case
        What was planned.
    results : iterable of CheckResult
        What came out.
    settings : Settings
        Of the suite.
    """
    # two problems may have one name
    problems = {problem_digest(case.problem): case.problem for case in cases}
    return Certificate(
        format=FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=settings.seed,
        margin=settings.margin,
        false_alarm_rate=settings.false_alarm_rate,
        budget=settings.budget,
        versions={"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        subjects=[_tested(name, estimator) for name, estimator in estimators.items()],
        problems=[
            Tested(name=one.name, description=one.network.to_json(), digest=digest)
            for digest, one in problems.items()
        ],
        checks=[msgspec.convert(_finite(result), Outcome) for result in results],
    )


def _tested(name: str, estimator: Estimator) -> Tested:
    claims = [str(claim) for claim in claims_of(estimator)]
    digest = estimator_digest(estimator)
    return Tested(name=name, description=_described(estimator), digest=digest, claims=claims)


def _described(estimator: Estimator) -> str:
    """Return an estimator with its options, never with its address in memory."""
    kind = type(estimator)
    if kind.__repr__ is not object.__repr__:
        return repr(estimator)
    options = getattr(estimator, "__dict__", {})
    return f"{kind.__name__}({', '.join(f'{name}={value!r}' for name, value in options.items())})"


def _finite(result: CheckResult) -> dict[str, Any]:
    """Return the fields, with None in place of numbers that JSON does not have."""
    fields = dataclasses.asdict(result)
    ends = {name: fields[name] for name in ("measured", "low", "high")}
    return fields | {n: v if abs(v) < float("inf") else None for n, v in ends.items()}


def estimator_digest(estimator: Estimator) -> str:
    """Return the hash of an estimator: its options, and the source of its classes where there is.

    Parameters
    ----------
    estimator : Estimator
        A sum's parts are in its description.
    """
    digest = hashlib.blake2b(_described(estimator).encode(), digest_size=16)
    for part in (estimator, *getattr(estimator, "parts", ())):
        for kind in type(part).__mro__[:-1]:
            try:
                digest.update(inspect.getsource(kind).encode())
            except (OSError, TypeError):
                digest.update(f"{kind.__module__}.{kind.__qualname__}".encode())
    return digest.hexdigest()


def problem_digest(problem: SmallProblem) -> str:
    """Return the hash of a problem's network, parameters and batch."""
    digest = hashlib.blake2b(problem.network.to_json().encode(), digest_size=16)
    arrays = [*problem.params.values(), problem.batch.inputs, problem.batch.targets]
    for array in arrays:
        digest.update(str((array.shape, array.dtype)).encode() + array.tobytes())
    return digest.hexdigest()


def to_json(certificate: Certificate) -> str:
    """Return a certificate as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(certificate), indent=2).decode() + "\n"


def read_certificate(path: Path) -> Certificate:
    """Return the certificate in a file.

    Raises
    ------
    msgspec.ValidationError
        If it has another schema.
    """
    return msgspec.json.decode(path.read_bytes(), type=Certificate)


def certificate_schema() -> dict[str, Any]:
    """Return the JSON schema of a certificate."""
    return without_indentation(msgspec.json.schema(Certificate))
