"""Settings of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.mutants import ROOMS, room_of
from tests.properties import examples

# how long an example takes says more about the machine than about the code
settings.register_profile("gradassay", max_examples=examples(100), deadline=None)
# for mutants, of which one failing example is enough, the same in each run
settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("gradassay")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a mutant's own tests alone, where mutmut tries one."""
    room = room_of(os.environ.get("MUTANT_UNDER_TEST", ""))
    if room is None:
        return
    own = [Path(__file__).parent / place for place in ROOMS[room]]
    kept = [item for item in items if any(item.path.is_relative_to(place) for place in own)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
