from __future__ import annotations

from hypothesis import settings

from tests.properties import TIMES, examples

if TIMES > 1:
    settings.register_profile("many", max_examples=examples(100), deadline=None)
    settings.load_profile("many")
