"""A survey of surrogate derivatives finds what is broken, and nothing else."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gradassay.crosscheck.adapters import LIBRARIES, library_surrogates
from gradassay.crosscheck.page import surrogate_table
from gradassay.crosscheck.surrogate_functions import SurrogateFunction, by_autograd, numbers_taken
from gradassay.crosscheck.surrogates import SurrogateRow, surrogate_defects, survey


def planted(psi: Callable[..., Tensor], code: str, **parameters: float) -> SurrogateFunction:
    """Return a surrogate derivative written down twice: for Python, and as code."""

    def make(**given: float) -> Callable[[Tensor], Tensor]:
        return lambda x: psi(x, **given)

    return SurrogateFunction("planted", make, parameters, "", code)


def sigmoid(x: Tensor, k: float) -> Tensor:
    return k * torch.sigmoid(k * x) * (1 - torch.sigmoid(k * x))


def overflows(x: Tensor, k: float) -> Tensor:
    return k * torch.exp(-k * x) / (1 + torch.exp(-k * x)) ** 2


def raises(x: Tensor) -> Tensor:
    raise RuntimeError("no licence")


SOUND = {
    "sigmoid": planted(sigmoid, "", k=4.0),
    "rectangle": planted(lambda x, w: (x.abs() < w).to(x.dtype) / (2 * w), "", w=0.5),
    "straight through": planted(lambda x: torch.ones_like(x), ""),
    "one side": planted(lambda x: (x >= 0).to(x.dtype), ""),
    "negative lobes": planted(lambda x: torch.exp(-(x**2)) - 0.1 * torch.exp(-(x**2) / 9), ""),
    "odd but vanishing": planted(lambda x: torch.exp(-(x**2)) * (1 - x), ""),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_derivative_has_no_defects(name: str) -> None:
    assert list(surrogate_defects([SOUND[name]])) == []


def test_what_is_found_of_a_sigmoid() -> None:
    row = survey(SOUND["sigmoid"])
    assert row.at_threshold == 1.0
    assert abs(row.integral - 1) < 1e-4
    assert row.symmetric
    assert row.vanishes
    assert row.smallest >= 0


def test_overflow_is_located_in_both_precisions() -> None:
    code = "(10 * torch.exp(-10 * x) / (1 + torch.exp(-10 * x)) ** 2{parameters})"
    function = planted(overflows, code, k=10.0)
    row = survey(function)
    for precision, (place,) in row.not_finite.items():
        below, above = function.at(np.array([place, place + 0.02]), precision=precision)
        assert np.isnan(below)
        assert np.isfinite(above)
    assert set(row.not_finite) == {"float64", "float32"}
    shown = list(surrogate_defects([function]))
    assert [one.printed for one in shown] == ["nan", "nan"]


def test_a_parameter_without_effect_is_shown() -> None:
    function = planted(lambda x, k, m: sigmoid(x, k), "sum([{parameters}]*0, x)", k=4.0, m=0)
    assert survey(function).without_effect == ("m",)


def test_a_sign_that_flips_is_shown() -> None:
    function = planted(lambda x: -torch.sign(x), "-torch.sign(x{parameters})")
    (shown,) = surrogate_defects([function])
    assert shown.printed == "1.0\n-1.0"
    assert "opposite signs" in shown.defect


def test_raising_is_shown_and_a_function_of_probabilities_is_not() -> None:
    (shown,) = surrogate_defects([planted(raises, "int('no{parameters}')")])
    assert shown.printed.startswith("ValueError")
    chances = planted(lambda x: torch.bernoulli(x), "")
    assert list(surrogate_defects([chances])) == []
    assert "not a function of every x" in surrogate_table([survey(chances)])[-1]


def test_autograd_takes_the_derivative_of_spikes() -> None:
    psi = by_autograd(lambda x: x**2)
    np.testing.assert_allclose(psi(torch.tensor([1.0, 3.0])).numpy(), [2.0, 6.0])


def test_what_cannot_be_made_from_numbers_is_left_out() -> None:
    assert numbers_taken(lambda x, k=2.0, spiking=True: x) == {"k": 2.0}
    assert numbers_taken(lambda function: function) is None
    assert numbers_taken(lambda *given: given) is None


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "found"),
    [
        (
            "snntorch",
            {
                ("snntorch LSO", "raises at its defaults"),
                ("snntorch sigmoid", "psi is not finite from u - V = -28.27 on in float64"),
                ("snntorch sigmoid", "psi is not finite from u - V = -3.43 on in float32"),
                (
                    "snntorch triangular",
                    "psi has opposite signs far below and far above the threshold",
                ),
            },
        ),
        ("spikingjelly", set()),
        (
            "norse",
            {
                ("norse super_fn", "alpha has no effect"),
                ("norse superspike_fn", "alpha has no effect"),
            },
        ),
        ("sinabs", set()),
    ],
)
def test_what_is_broken_in_the_libraries(name: str, found: set[tuple[str, str]]) -> None:
    pytest.importorskip(name)
    importlib.import_module(f"gradassay.crosscheck.adapters.{name}")
    functions = library_surrogates(name)
    assert {(one.subject, one.defect) for one in surrogate_defects(functions)} == found


@pytest.mark.peers
def test_peaks_and_integrals_of_the_libraries_are_not_normalised() -> None:
    rows: dict[str, SurrogateRow] = {}
    for name in LIBRARIES:
        pytest.importorskip(name)
        rows |= {row.subject: row for row in map(survey, library_surrogates(name))}
    assert rows["snntorch sigmoid"].at_threshold == 6.25
    assert rows["sinabs SingleExponential"].at_threshold == pytest.approx(2.0)
    assert rows["sinabs MultiGaussian"].smallest < 0
    assert rows["norse triangle_fn"].at_threshold == pytest.approx(0.3)
    assert abs(rows["norse heavi_tanh_fn"].integral - 2) < 1e-3
