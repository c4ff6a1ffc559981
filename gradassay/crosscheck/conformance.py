"""Everything that is known of libraries' conformance, from one run."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from gradassay.core.records import CheckResult
from gradassay.crosscheck.adapters import (
    LIBRARIES,
    MissingLibrary,
    library,
    library_surrogates,
    named_implementation,
)
from gradassay.crosscheck.defects import default_defects, option_defects, suspect_defects
from gradassay.crosscheck.findings import Finding, findings
from gradassay.crosscheck.implementation import Implementation
from gradassay.crosscheck.reproduction import Reproduction
from gradassay.crosscheck.suite import crosscheck
from gradassay.crosscheck.surrogates import SurrogateRow, surrogate_defects, survey


@dataclass(frozen=True)
class Conformance:
    """What was found.

    Parameters
    ----------
    command, date : str
        That made it, and when.
    versions : dict from library to version
        What was run.
    seed : int
        Of weights and inputs.
    conventions : tuple of Finding
        Out of the box.
    surrogates : tuple of SurrogateRow
        Surrogate derivatives that the libraries offer.
    matched, suspects : tuple of CheckResult
        Of the configurations that should agree, and of those that are known not to.
    defects : tuple of Reproduction
        With their scripts.
    """

    command: str
    date: str
    versions: dict[str, str]
    seed: int
    conventions: tuple[Finding, ...]
    surrogates: tuple[SurrogateRow, ...]
    matched: tuple[CheckResult, ...]
    suspects: tuple[CheckResult, ...]
    defects: tuple[Reproduction, ...]


def implementations(target: str, mode: str) -> Sequence[Implementation]:
    """Return what a target stands for.

    Parameters
    ----------
    target : str
        A library, an entry point's name, or ``module:attribute``.
    mode : {"default", "matched", "suspects"}
        Of libraries; what is somebody's own has one configuration.

    Raises
    ------
    UsageError
        If there is none.
    """
    if target in LIBRARIES:
        return library(target, mode)
    return (named_implementation(target),)


def available(targets: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return targets that can be loaded, and a line for each library that is not installed.

    Parameters
    ----------
    targets : sequence of str
        As in `implementations`.

    Raises
    ------
    UsageError
        If one is neither a library nor an implementation.
    """
    present, missing = list[str](), list[str]()
    for target in targets:
        try:
            implementations(target, "default")
        except MissingLibrary as error:
            missing.append(str(error))
        else:
            present.append(target)
    return present, missing


def measure(
    targets: Sequence[str], *, command: str, seed: int = 0, tell: Callable[[str], None]
) -> Conformance:
    """Run libraries in all modes.

    Parameters
    ----------
    targets : sequence of str
        As in `implementations`.
    command : str
        Kept with the outcome.
    seed : int
        Of weights and inputs.
    tell : callable
        Called with each configuration that is begun.
    """

    def every(mode: str) -> Iterator[Implementation]:
        for target in targets:
            for implementation in implementations(target, mode):
                tell(f"{mode}: {implementation.name}")
                yield implementation

    own = [one for one in targets if one in LIBRARIES]
    suspects = [one for target in own for one in library(target, "suspects")]
    conventions, defects = list[Finding](), list[Reproduction]()
    for one in every("default"):
        conventions += findings(one, seed=seed)
        defects += default_defects(one)
    surrogates = list[SurrogateRow]()
    for target in own:
        tell(f"surrogate derivatives: {target}")
        functions = library_surrogates(target)
        surrogates += [survey(function) for function in functions]
        defects += surrogate_defects(functions)
        found = [shown for one in library(target, "matched") for shown in option_defects(one)]
        defects += {shown.defect: shown for shown in reversed(found)}.values()
    for one in suspects:
        tell(f"suspect: {one.name}")
        defects += suspect_defects(one)
    return Conformance(
        command=command,
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        versions=library_versions([*targets, "torch", "numpy"]),
        seed=seed,
        conventions=tuple(conventions),
        surrogates=tuple(surrogates),
        matched=tuple(row for one in every("matched") for row in crosscheck(one, seed=seed)),
        suspects=tuple(row for one in suspects for row in crosscheck(one, seed=seed)),
        defects=tuple(defects),
    )


def library_versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of libraries; those that are not installed are left out.

    Parameters
    ----------
    names : sequence of str
        Distributions.
    """
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
