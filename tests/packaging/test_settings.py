"""Settings in several files that must not drift apart."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def constraints(file: str = "constraints.txt") -> dict[str, str]:
    lines = (ROOT / file).read_text().split()
    return {name.lower(): version for name, version in (line.split("==") for line in lines)}


def plain(requirement: str) -> str:
    return re.split(r"[\[<>=]", requirement)[0].lower()


def test_every_dependency_has_an_exact_version_in_the_constraints() -> None:
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["dev"], *extras["docs"]]
    names = {plain(requirement) for requirement in wanted}
    assert names <= set(constraints())
    assert constraints()["torch"] == "2.13.0"


def test_the_lowest_versions_are_the_lower_bounds_of_the_package_and_its_extras() -> None:
    extras = PROJECT["optional-dependencies"]
    bounded = [*PROJECT["dependencies"], *extras["nir"], *extras["sweep"], *extras["tensorboard"]]
    lowest = constraints("constraints-lowest.txt")
    assert len(bounded) == len(set(bounded)) > 20
    for requirement in bounded:
        name, bound = requirement.split(">=")
        assert Version(lowest[name]) == Version(bound), name


def test_an_extra_that_developers_install_as_well_has_one_lower_bound() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {*extras["nir"], *extras["sweep"], *extras["tensorboard"]} <= set(extras["dev"])


def test_asv_installs_every_run_time_dependency_at_the_constrained_version() -> None:
    wanted = json.loads((ROOT / "asv.conf.json").read_text())["matrix"]["req"]
    names = {plain(requirement) for requirement in PROJECT["dependencies"]}
    assert names <= set(wanted)
    for name, versions in wanted.items():
        assert versions == [constraints()[name.lower()]], name


def test_the_citation_names_the_version_of_the_package() -> None:
    cited = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)$", cited, re.MULTILINE) == [PROJECT["version"]]
    assert f"version = {{{PROJECT['version']}}}" in (ROOT / "docs" / "citing.md").read_text()
