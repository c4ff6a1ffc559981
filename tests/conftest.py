"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

from tests.properties import examples

# how long an example takes says more about the machine than about the code
settings.register_profile("gradassay", max_examples=examples(100), deadline=None)
settings.load_profile("gradassay")
