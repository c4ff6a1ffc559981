"""No command replaces what is there unless it is asked to."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from pathlib import Path

import pytest

from gradassay.cli.exit_codes import UNUSABLE
from gradassay.cli.main import COMMANDS, main
from tests.cli.test_wrong_inputs import NESTED
from tests.cli.wrong_files import write_wrong_files

PACK = Path(__file__).parents[1] / "crosscheck" / "golden" / "pack"
GRAPH = "good.nir --input good.npy"
TARGETS = (
    ("run --out results", "already holds results"),
    ("measure --out results", "already holds results"),
    ("variance --out results", "already holds results"),
    ("cost --out results", "already holds results"),
    ("train --out results", "already holds results"),
    ("train --out begun", "begun"),
    ("bench-train --datasets digits --out results", "already holds results"),
    ("verify dfa --out results", "already holds results"),
    ("verify dfa --json a_file", "'a_file' is there"),
    ("verify dfa --junit a_file", "'a_file' is there"),
    ("report results --page a_file", "'a_file' is there"),
    ("report results --export export", "export"),
    ("compare results results --page a_page.html", "'a_page.html' is there"),
    ("crosscheck torch --json a_file", "'a_file' is there"),
    ("crosscheck torch --page a_file", "'a_file' is there"),
    ("golden make --out pack", "is there"),
    ("golden check pack --json a_file", "'a_file' is there"),
    ("bench --json a_file", "'a_file' is there"),
    (f"nir run {GRAPH} --out nir_run", "holds a run"),
    (f"nir compare {GRAPH} --recorded good.npy --json a_file", "'a_file' is there"),
    ("nir roundtrip norse --page a_file", "'a_file' is there"),
    ("nir roundtrip norse --json a_file", "'a_file' is there"),
)


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("there")
    write_wrong_files(folder)
    shutil.copytree(PACK, folder / "pack")
    (folder / "a_page.html").write_text("mine\n")
    (folder / "nir_run").mkdir()
    (folder / "nir_run" / "run.json").write_text("{}\n")
    checkpoints = folder / "begun.run" / "checkpoints" / "dfa"
    checkpoints.mkdir(parents=True)
    (checkpoints / "checkpoint-000000000001.safetensors").write_text("mine\n")
    assert main(["report", str(folder / "results"), "--export", str(folder / "export")]) == 0
    return folder


@pytest.mark.parametrize(("command", "words"), TARGETS, ids=[c for c, _ in TARGETS])
def test_what_is_there_stays_as_it_is(
    command: str,
    words: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    before = digests(place)
    assert main(shlex.split(command)) == UNUSABLE
    assert words in capsys.readouterr().err
    assert digests(place) == before


def test_the_table_has_every_command_that_can_overwrite(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = [f"{one} {two}" for one in NESTED for two in ("list", "make", "check", "get", "run")]
    parts += ["nir compare", "nir roundtrip"]
    overwriting = set()
    for command in [*COMMANDS, *parts]:
        if main([*command.split(), "--help"]) == 0 and "--overwrite" in capsys.readouterr().out:
            overwriting.add(command)
    assert len(overwriting) > 10
    told = {command.split()[0] for command, _ in TARGETS}
    told |= {" ".join(command.split()[:2]) for command, _ in TARGETS}
    assert overwriting <= told


def test_report_replaces_a_file_when_it_is_asked_to(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    Path("page.html").write_text("old\n")
    assert main(["report", "results", "--page", "page.html", "--overwrite"]) == 0
    assert Path("page.html").read_bytes() == Path("results/report.html").read_bytes()
