"""One name for one thing: in all commands, in grid files, in the results of sweeps, in Python."""

from __future__ import annotations

import inspect
from collections import defaultdict
from dataclasses import fields
from typing import Any, get_args

import cyclopts
import pytest

from gradassay import frames
from gradassay.cli.main import app
from gradassay.sweeps import Grid
from gradassay.sweeps.table import CELL_COLUMNS
from gradassay.workbench.options import ProblemOptions, StartOptions, TrainingOptions

# a sweep's folder may be a URL
SEVERAL = {"--out": {"Path", "str"}}
# of a grid: what is done, options of estimators by name, a table of training options
OF_GRIDS = {"kind", "options", "training"}


def options() -> dict[str, dict[str, set[str]]]:
    """Return the types that each option takes, by command."""
    found: dict[str, dict[str, set[str]]] = defaultdict(dict)

    def look(parent: cyclopts.App, path: str) -> None:
        for name in parent:
            if name.startswith("-"):
                continue
            one = parent[name]
            if one.default_command is None:
                look(one, f"{path}{name} ")
                continue
            for argument in one.assemble_argument_collection():
                if argument.name.startswith("--") and not argument.children:
                    found[argument.name][f"{path}{name}"] = kinds_of(argument.hint)

    look(app, "")
    return found


def kinds_of(hint: Any) -> set[str]:
    """Return the names of the types in a hint, None aside."""
    parts = [part for part in get_args(hint) if part is not type(None)]
    return {str(getattr(part, "__name__", part)) for part in parts or [hint]}


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, set[str]]]:
    return options()


def singular(name: str) -> str:
    """Return the name of one of several."""
    return name.replace("sizes", "size") if name == "batch_sizes" else name.removesuffix("s")


def test_an_option_takes_the_same_in_every_command(
    found: dict[str, dict[str, set[str]]],
) -> None:
    assert len(found) > 80
    for name, commands in found.items():
        kinds = set().union(*commands.values())
        assert kinds == SEVERAL.get(name, next(iter(commands.values()))), (name, commands)


def test_an_option_in_the_plural_takes_several_of_what_the_singular_takes(
    found: dict[str, dict[str, set[str]]],
) -> None:
    plural = {name for name in found if f"{name}s" in found}
    assert plural == {"--dataset", "--seed", "--input"}
    for name in ("--datasets", "--seeds"):
        assert set(found[name]) == {"bench-train"}


def test_a_key_of_a_grid_is_an_option_or_its_plural_and_a_column_the_singular(
    found: dict[str, dict[str, set[str]]],
) -> None:
    known = {name.removeprefix("--").replace("-", "_") for name in found}
    for key in Grid.__struct_fields__:
        assert {key, singular(key)} & (known | OF_GRIDS), key
    coordinates = {name for name, _ in CELL_COLUMNS}
    keys = set(Grid.__struct_fields__)
    assert coordinates <= keys | {singular(key) for key in keys}


def test_an_argument_of_frames_is_an_option_with_underscores(
    found: dict[str, dict[str, set[str]]],
) -> None:
    known = {name.removeprefix("--").replace("-", "_") for name in found}
    records = (ProblemOptions, StartOptions, TrainingOptions)
    assert {field.name for record in records for field in fields(record)} <= known
    for function in (frames.problem, frames.verify, frames.measure, frames.cost, frames.train):
        names = set(inspect.signature(function).parameters) - {"on", "options", "settings"}
        assert names <= known, function.__name__
