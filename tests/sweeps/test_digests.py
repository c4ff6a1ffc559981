"""The digest of a cell: all that decides its result, and nothing else."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from gradassay.sweeps import Grid, GridPoint, SweepCell
from tests.sweeps.conftest import cells_of

CELL = cells_of(Grid(estimators=["opzo"], options={"opzo.alpha": 0.1}))[0]
OTHER: dict[str, Any] = {
    "kind": "train",
    "estimator": "dfa",
    "options": (("alpha", 0.2),),
    "dataset": "mnist",
    "network": "fc-9",
    "steps": 5,
    "batch_size": 31,
    "budget": 1025,
    "training": (("epochs", 2),),
    "seed": 1,
}


def test_every_coordinate_changes_the_digest() -> None:
    assert set(OTHER) == {field.name for field in fields(GridPoint)}
    changed = [replace(CELL, point=replace(CELL.point, **{k: v})) for k, v in OTHER.items()]
    changed += [
        replace(CELL, version="0.0.0"),
        replace(CELL, checksums=(("train-inputs", "ff00"),)),
        replace(CELL, model=(("backend", "numpy"),)),
    ]
    assert len({cell.digest for cell in (CELL, *changed)}) == len(changed) + 1


def test_the_digest_is_that_of_the_content_whatever_made_it() -> None:
    again = SweepCell(replace(CELL.point), tuple(CELL.model), CELL.checksums, CELL.version)
    assert again.digest == CELL.digest
    assert len(CELL.digest) == 64


@pytest.mark.parametrize(("one", "two"), [(1, "1"), (0.1, "0.1"), (True, "True")])
def test_values_of_other_types_are_other_cells(one: object, two: object) -> None:
    digests = {
        replace(CELL, point=replace(CELL.point, options=(("law", value),))).digest  # type: ignore[arg-type]
        for value in (one, two)
    }
    assert len(digests) == 2
