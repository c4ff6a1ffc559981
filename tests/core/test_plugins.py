"""Names that are loaded: the package's own first, then entry points, then ``module:attribute``."""

from __future__ import annotations

import math
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from gradassay.core import plugins
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.core.plugins import has_to_be_made, load_named, make_named


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install two entry points in the group ``tests``."""
    points = [
        EntryPoint("power", "math:pow", "tests"),
        EntryPoint("root", "math:cbrt", "tests"),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == "tests" else [])


OWN = {"root": "math:sqrt"}


def test_own_names_come_before_entry_points_and_those_before_modules() -> None:
    assert load_named("function", "root", OWN, "tests") is math.sqrt
    assert load_named("function", "root", {}, "tests") is math.cbrt
    assert load_named("function", "power", OWN, "tests") is math.pow
    assert load_named("function", "math:floor", OWN, "tests") is math.floor


@pytest.mark.parametrize("name", ["power", "math", "math:", ":floor", ""])
def test_what_is_neither_a_name_nor_a_module_with_an_attribute_lists_the_names(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_named("function", name, OWN, "others")
    assert str(caught.value).startswith(f"function: got {name!r}; expected one of root.")
    assert str(caught.value).endswith(" One of your own is module:attribute.")


def test_names_of_entry_points_are_listed_with_the_own() -> None:
    with pytest.raises(UsageError) as caught:
        load_named("function", "powers", {"own": "math:sqrt"}, "tests")
    assert str(caught.value) == (
        "function: got 'powers'; expected one of own, power, root. Did you mean 'power'?"
        " One of your own is module:attribute."
    )


@pytest.mark.parametrize(
    ("name", "cause", "error", "near"),
    [
        ("math:zzz", "module 'math' has no attribute 'zzz'", AttributeError, ""),
        ("math:sqr", "module 'math' has no attribute 'sqr'", AttributeError, "math:sqrt"),
        ("no_such_module:x", "No module named 'no_such_module'", ModuleNotFoundError, ""),
        ("math:a:b", "module 'math' has no attribute 'a:b'", AttributeError, ""),
    ],
)
def test_what_cannot_be_loaded_says_why(
    name: str, cause: str, error: type[Exception], near: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_named("function", name, OWN, "tests")
    assert str(caught.value) == (
        f"function: got {name!r}, which cannot be loaded ({error.__name__}: {cause});"
        " expected module:attribute, the module on Python's path."
        + (f" Did you mean {near}?" if near else "")
    )
    assert type(caught.value.__cause__) is error


def test_a_module_that_exits_when_it_is_imported_is_an_error_of_usage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def leave(name: str) -> None:
        raise SystemExit(3)

    monkeypatch.setattr("importlib.import_module", leave)
    with pytest.raises(UsageError, match=r"cannot be loaded \(SystemExit: 3\)"):
        load_named("function", "root", OWN, "tests")


class Ready:
    wanted = 1


class Call:
    def __call__(self) -> Ready:
        return Ready()


class ReadyCall(Call):
    wanted = 1


@pytest.mark.parametrize(
    ("found", "made"),
    [(Ready, True), (Ready(), False), (Call(), True), (ReadyCall(), False), (3, False)],
)
def test_a_class_or_a_function_without_the_member_has_to_be_called(found: Any, made: bool) -> None:
    assert has_to_be_made(found, "wanted") is made


def test_what_is_ready_is_returned_and_what_is_not_is_made_with_the_options() -> None:
    ready = Ready()
    assert make_named("thing", "name", ready, "wanted", {"a": 1}) is ready
    made = make_named("thing", "name", lambda **options: options, "wanted", {"a": 1})
    assert made == {"a": 1}
    assert isinstance(make_named("thing", "name", Ready, "wanted", {}), Ready)


@pytest.mark.parametrize("error", [TypeError, SystemExit])
def test_what_cannot_be_made_says_why(error: type[BaseException]) -> None:
    def fail() -> None:
        raise error("no luck")

    with pytest.raises(UsageError) as caught:
        make_named("thing", "name", fail, "wanted", {})
    assert str(caught.value) == (
        f"thing: got 'name', which cannot be made ({error.__name__}: no luck)."
    )
    assert type(caught.value.__cause__) is error


def test_an_error_that_names_a_mistake_is_passed_on() -> None:
    def fail() -> None:
        raise ConfigurationError("alpha: got 0")

    with pytest.raises(ConfigurationError, match=r"^alpha: got 0$"):
        make_named("thing", "name", fail, "wanted", {})
