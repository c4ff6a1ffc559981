"""The page on the architecture is that of the code: rooms, arrows, contracts."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

from gradassay.core import records
from gradassay.core.backend import Backend
from gradassay.core.estimator import Estimator
from gradassay.estimators import zoo_names

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gradassay"
PAGE = (ROOT / "docs" / "architecture.md").read_text()


def section(title: str) -> str:
    found: str = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    assert found, title
    return found


def table(text: str) -> dict[str, list[str]]:
    """Return the cells behind the first one of each row."""
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}


PICTURE = [line.split() for line in section("Rooms").split("```")[1].strip().splitlines()]
ROOMS = table(section("Rooms"))
CONTRACTS = table(section("Contracts"))


def files_of(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imported(room: str) -> set[str]:
    """Return the other rooms that a room's files import from, inside functions as well."""
    found = set()
    for file in files_of(room):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == PACKAGE.name:
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= set(re.findall(rf"^{PACKAGE.name}\.(\w+)", node.module))
            elif isinstance(node, ast.Import):
                for name in node.names:
                    found |= set(re.findall(rf"^{PACKAGE.name}\.(\w+)", name.name))
    return found - {room, "__version__"}


def test_the_picture_is_that_of_the_import_rules() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (rule,) = (rule for rule in settings["contracts"] if rule.get("containers") == [PACKAGE.name])
    assert rule["exhaustive"]
    assert [sorted(row) for row in PICTURE] == [sorted(row.split(" | ")) for row in rule["layers"]]


def test_every_room_is_in_the_picture_and_in_the_table() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(room for row in PICTURE for room in row) == sorted(folders | modules)
    assert sorted(ROOMS) == sorted(folders | modules)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_the_table_says_and_only_from_below(room: str) -> None:
    said = {name for name in ROOMS[room][1].split(", ") if name}
    assert said == imported(room)
    (place,) = (number for number, row in enumerate(PICTURE) if room in row)
    assert said <= {below for row in PICTURE[place + 1 :] for below in row}


def named_in(room: str) -> set[str]:
    """Return the modules that a room's docstring names."""
    said = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
    return set(re.findall(r"(?<!`)`(\w+)`(?!`)", said or ""))


def modules(room: str) -> set[str]:
    found = {path.stem for path in (PACKAGE / room).glob("*.py")}
    return found | {path.parent.name for path in (PACKAGE / room).glob("*/__init__.py")}


@pytest.mark.parametrize("room", ["torch_snn", "cost"])
def test_a_room_of_many_files_says_what_each_is_for(room: str) -> None:
    assert named_in(room) == modules(room) - {"__init__"}


def test_the_zoo_s_docstring_names_what_methods_share() -> None:
    assert named_in("estimators") == modules("estimators") - {"__init__", *zoo_names()}


def test_the_readers_that_the_docstring_names_exist() -> None:
    assert {"load", "archives"} < named_in("datasets") <= modules("datasets")


def members(contract: type) -> set[str]:
    return {name for name in vars(contract) if not name.startswith("_")}


def test_the_contracts_have_the_members_that_the_page_names() -> None:
    named = {file: set(re.findall(r"`(\w+)`", cells[1])) for file, cells in CONTRACTS.items()}
    assert named["core/backend.py"] == members(Backend)
    assert named["core/estimator.py"] == members(Estimator)
    rows = {name for name, one in vars(records).items() if hasattr(one, "__dataclass_fields__")}
    assert named["core/records.py"] == rows


def test_files_that_the_page_names_are_there() -> None:
    named = re.findall(r"`((?:\w+/)+\w+(?:\.\w+|/)?)`", PAGE)
    assert len(named) > 30
    missing = [name for name in named if not ((PACKAGE / name).exists() or (ROOT / name).exists())]
    assert missing == []
