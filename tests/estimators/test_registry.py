"""From a name to an estimator: the zoo, third parties, sums."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

import gradassay.estimators
from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.estimators import ZOO, make_estimator, zoo_names
from gradassay.estimators.dfa import DFA
from gradassay.estimators.hybrid import Hybrid
from gradassay.estimators.registry import parse_sum


def test_every_line_of_the_zoo_is_one_module_whose_name_the_method_bears() -> None:
    folder = Path(gradassay.estimators.__file__).parent
    for line in ZOO:
        module, _, attribute = line.partition(":")
        assert (folder / f"{module}.py").is_file()
        assert make_estimator(module).name == module
        assert type(make_estimator(module)).__name__ == attribute


def test_a_third_partys_class_object_or_function_is_found_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "their_methods.py").write_text(
        "from dataclasses import dataclass\n"
        "from gradassay.estimators.dfa import DFA\n\n\n"
        "@dataclass(frozen=True)\n"
        "class Theirs(DFA):\n    bold: bool = False\n\n\n"
        "ready = Theirs(gain=2.0)\n\n\n"
        "def made():\n    return Theirs(gain=3.0)\n\n\n"
        "number = 3\n\n\n"
        "def broken():\n    raise ValueError('no luck')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert make_estimator("their_methods:Theirs", gain=4.0, bold=True).gain == 4.0  # type: ignore[attr-defined]
    assert make_estimator("their_methods:ready").gain == 2.0  # type: ignore[attr-defined]
    assert make_estimator("their_methods:made").gain == 3.0  # type: ignore[attr-defined]
    assert isinstance(make_estimator("their_methods:Theirs+0.1*local_learning"), Hybrid)
    with pytest.raises(UsageError, match="without estimate; expected all members"):
        make_estimator("their_methods:number")
    with pytest.raises(UsageError, match=r"cannot be made \(ValueError: no luck\)"):
        make_estimator("their_methods:broken")
    with pytest.raises(UsageError, match="cannot be loaded"):
        make_estimator("their_methods:missing")
    with pytest.raises(UsageError, match="cannot be loaded"):
        make_estimator("no_such_module:Theirs")


def test_an_entry_point_is_a_name_like_the_zoos(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    point = EntryPoint("broadcast", "gradassay.estimators.dfa:DFA", "gradassay.estimators")
    monkeypatch.setattr(
        "gradassay.core.plugins.entry_points",
        lambda group: [point] if group == "gradassay.estimators" else [],
    )
    assert make_estimator("broadcast", gain=2.0).gain == 2.0  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="Did you mean 'broadcast'"):
        make_estimator("broadcas")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("opzo", [(1.0, "opzo")]),
        ("opzo+0.01*local_learning", [(1.0, "opzo"), (0.01, "local_learning")]),
        ("2*dfa + 1e-3*local_learning", [(2.0, "dfa"), (1e-3, "local_learning")]),
        ("dfa+local_learning", [(1.0, "dfa"), (1.0, "local_learning")]),
        ("dfa+1e-3*local_learning", [(1.0, "dfa"), (1e-3, "local_learning")]),
        ("my.module:thing+0.5*dfa", [(1.0, "my.module:thing"), (0.5, "dfa")]),
    ],
)
def test_sums_are_read(text: str, terms: Any) -> None:
    assert parse_sum(text) == terms


@pytest.mark.parametrize(
    "text",
    ["opzo+", "+opzo", "opzo++dfa", "x*opzo", "0.1*", "", "opzo*0.1", "0.5*opzo", ":x", "json:"],
)
def test_sums_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="estimator: got"):
        make_estimator(text)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("opzo+opzo", {}, "expected two or more different methods"),
        ("opzo+0.1*spsa", {}, "expected a sum of methods that are made layer by"),
        ("opzo+0.1*zo_two_point", {}, "got 'zo_two_point'; expected methods that make one pass"),
        ("opzo+localzo", {}, "parts with different noise"),
        ("spatial_bp+bptt", {}, "parts with different local rule"),
        ("opzo+0.1*zo_single_point", {"pairing": "none", "alpha": 0.3}, None),
    ],
)
def test_parts_of_a_sum_must_go_together(name: str, options: Any, words: str | None) -> None:
    if words is None:
        assert make_estimator(name, **options).noise is not None
        return
    with pytest.raises((ConfigurationError, UsageError)) as caught:
        make_estimator(name, **options)
    assert words in str(caught.value)


def test_an_option_goes_to_every_part_that_has_it() -> None:
    made = make_estimator("opzo+0.1*intermediate_global", alpha=0.5, step=0.25, temporal="spatial")
    assert isinstance(made, Hybrid)
    opzo, intermediate = made.parts
    assert opzo.noise == intermediate.noise
    assert opzo.noise is not None
    assert opzo.noise.scale == 0.5
    assert intermediate.step == 0.25  # type: ignore[attr-defined]
    assert made.temporal == opzo.temporal == intermediate.temporal == "spatial"
    with pytest.raises(UsageError, match=r"option: got 'alfa'.*Did you mean 'alpha'"):
        make_estimator("opzo+0.1*intermediate_global", alfa=0.5)


def test_names_of_the_zoo_are_distinct() -> None:
    assert len(set(zoo_names())) == len(zoo_names())


def test_every_method_is_called_as_its_module() -> None:
    assert [make_estimator(name).name for name in zoo_names()] == list(zoo_names())


class Broken:
    """Cannot be made."""

    def __init__(self) -> None:
        raise ValueError("no luck")

    def estimate(self) -> None:
        """Belong to an estimator."""


class Callable(DFA):
    """Can be called, and is an estimator already."""

    def __call__(self) -> None:
        raise AssertionError("called")


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("their_things")
    module.ready, module.number, module.Broken = DFA(gain=2.0), 3, Broken
    module.callable = Callable()
    monkeypatch.setitem(sys.modules, "their_things", module)


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "their_things:ready",
            {"gain": 1.0},
            "their_things:ready option: got 'gain'; expected one of none: it has no options.",
        ),
        (
            "their_things:number",
            {},
            "estimator: got 'their_things:number', int without estimate; expected all members of"
            " gradassay.core.estimator.Estimator.",
        ),
        (
            "their_things:Broken",
            {},
            "estimator: got 'their_things:Broken', which cannot be made (ValueError: no luck).",
        ),
    ],
)
def test_what_is_wrong_with_a_third_partys_estimator_is_said_in_full(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        make_estimator(name, **options)
    assert str(caught.value) == message


@pytest.mark.usefixtures("theirs")
@pytest.mark.parametrize("name", ["ready", "callable"])
def test_an_estimator_that_is_made_already_is_taken_as_it_is(name: str) -> None:
    found = make_estimator(f"their_things:{name}")
    assert found is getattr(sys.modules["their_things"], name)
