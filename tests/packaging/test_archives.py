"""Wheel and sdist hold every file of the package exactly once."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINKS = ("verify", "estimators", "reference_snn", "reports")
SKIPPED = {"__pycache__"}


def package_files() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gradassay").rglob("*")
        if path.is_file() and not SKIPPED & set(path.parts)
    )


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(archives: Path) -> None:
    (wheel,) = archives.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert sorted(names) == package_files()


def test_the_sdist_holds_the_package_once_and_what_is_needed_to_test_it(archives: Path) -> None:
    (sdist,) = archives.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    assert len(names) == len(set(names))
    assert sorted(name for name in names if name.startswith("gradassay/")) == package_files()
    assert {"LICENSE", "README.md", "Makefile", "constraints.txt", "asv.conf.json"} <= set(names)
    assert any(name.startswith("tests/core/") for name in names)
    assert not any(name.split("/")[0] in LINKS for name in names)


@pytest.mark.parametrize("name", LINKS)
def test_the_rooms_named_at_the_root_are_links_into_the_package(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert link.readlink() == Path("gradassay") / name
    assert link.resolve() == ROOT / "gradassay" / name
