from __future__ import annotations

import io
import itertools
import math
import re
from dataclasses import replace

import matplotlib as mpl
import pytest
import scipy
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.lib import NumpyVersion

from gradassay.core.records import EpochRow, Interval, Measurement
from gradassay.reports.layer_figures import cosine_panel, log_panel
from gradassay.reports.marks import draw_interval, spread
from gradassay.reports.palette import looks
from gradassay.reports.scales import LinearScale, Scale, fit_linear, fit_log
from gradassay.reports.svg import at_width
from gradassay.reports.tradeoff_figure import Price, tradeoff_figure
from gradassay.reports.trained import mean_over_seeds
from gradassay.reports.training_figure import training_figure
from tests.reports.conftest import make_training

LOOKS = looks(["spatial_bp", "dfa", "zo_single_point", "opzo"])


def _of(rows: list[Measurement], quantity: str) -> list[Measurement]:
    return [row for row in rows if row.quantity == quantity]


def test_zero_and_below_stand_in_a_strip_that_says_so() -> None:
    scale = fit_log([0.0, -0.1, 5.0], [0.0, -0.3, 4.0], [0.0, 0.2, 6.0])
    assert scale.strip_label == "\u2264 0"
    assert scale.place(0.0) == scale.place(-0.1) < scale.floor <= scale.place(5.0)
    assert scale.ticks()[0] == (scale.place(0.0), "\u2264 0")


def test_a_scale_without_small_values_has_no_strip() -> None:
    scale = fit_log([1.0, 5.0], [0.9, 4.0], [1.1, 6.0])
    assert scale.strip is None
    assert scale.limits == (-1.0, 1.0)


def test_rounding_dust_does_not_stretch_the_axis() -> None:
    scale = fit_log([1e-33, 1.0], [1e-33, 0.9], [1e-33, 1.1])
    assert scale.top - scale.floor <= 9
    assert scale.strip_label.startswith("<")


def test_an_interval_below_the_axis_is_not_said_to_be_zero() -> None:
    scale = fit_log([1.0], [1e-9], [2.0])
    assert scale.strip_label == "< 10⁻¹" or scale.strip_label == "< 10⁰"


@pytest.mark.parametrize("values", [[], [math.nan], [0.0], [-1.0], [math.inf]])
def test_scales_of_nothing_useful_are_still_scales(values: list[float]) -> None:
    for low, high in (fit_log(values, values, values).limits, fit_linear(values).limits):
        assert math.isfinite(low)
        assert low < high


@pytest.mark.parametrize("scale", [LinearScale(0.0, 2.0), fit_log([0.5, 2.0], [], [])])
@pytest.mark.parametrize(("high", "goes_on"), [(1.5, False), (50.0, True), (math.inf, True)])
def test_an_arrowhead_says_that_an_interval_goes_on_above_the_axis(
    scale: Scale, high: float, goes_on: bool
) -> None:
    axes = Figure().add_subplot()
    draw_interval(axes, scale, 0.0, (1.0, high), next(iter(LOOKS.values())))
    assert ([line.get_marker() for line in axes.lines[1:]] == [6]) is goes_on


def test_log_axes_have_plain_labels(measurements: list[Measurement]) -> None:
    svg = log_panel(_of(measurements, "noise_variance"), LOOKS, "n")
    assert ">1,000<" in svg
    assert "mathdefault" not in svg
    assert ">0<" in svg


def test_every_estimator_is_labelled_once_beside_its_line(measurements: list[Measurement]) -> None:
    svg = cosine_panel(_of(measurements, "cosine"), LOOKS, "c")
    for name in LOOKS:
        assert svg.count(f">{name}</text>") == 1


def test_figures_of_a_name_share_no_id_with_figures_of_another(
    measurements: list[Measurement],
) -> None:
    rows = _of(measurements, "cosine")
    first, second = (
        set(re.findall(r'id="([^"]*)"', cosine_panel(rows, LOOKS, name))) for name in ("a", "b")
    )
    assert first
    assert not first & second


def test_names_with_mathematics_or_foreign_script_are_drawn(
    measurements: list[Measurement],
) -> None:
    name = "$\\frac{$ 勾配 <b>"
    rows = [replace(row, subject=name) for row in _of(measurements, "cosine")[:4]]
    svg = cosine_panel(rows, looks([name]), "x")
    assert "&lt;b&gt;" in svg


def test_the_user_s_settings_of_matplotlib_change_nothing(
    measurements: list[Measurement],
) -> None:
    rows = _of(measurements, "cosine")
    expected = cosine_panel(rows, LOOKS, "x")
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": False}):
        assert cosine_panel(rows, LOOKS, "x") == expected


def test_colour_and_marker_together_tell_forty_estimators_apart() -> None:
    found = looks([str(i) for i in range(40)]).values()
    assert len({(look.colour, look.marker) for look in found}) == 40


def test_prices_are_drawn_with_round_numbers_of_operations() -> None:
    prices = [
        Price("dfa", 9e6, Interval(4.6, 4.3, 4.9, 0.95)),
        Price("opzo", 13e6, Interval(2.4, 2.2, 2.5, 0.95)),
    ]
    svg = tradeoff_figure(prices, LOOKS, "p")
    assert ">10 M<" in svg
    assert "dfa 4.60 at 9.00 M operations" in svg


def test_training_curves_break_where_accuracy_is_no_number(training: list[EpochRow]) -> None:
    rows = [replace(row, test_accuracy=math.nan) if row.epoch == 3 else row for row in training]
    assert "opzo 88.1 %" in training_figure(rows, LOOKS, "t")


@pytest.mark.parametrize("width", [3.3, 3.7, 6.9])
@pytest.mark.parametrize("epochs", [1, 10])
def test_no_word_of_a_figure_is_cut_off_at_any_width(
    measurements: list[Measurement], width: float, epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Figure] = []

    def keep(figure: Figure, title: str) -> bytes:
        drawn.append(figure)
        return b""

    monkeypatch.setattr("gradassay.reports.svg._pdf", keep)
    prices = [
        Price("dfa", 9e6, Interval(4.6, 4.3, 4.9, 0.95)),
        Price("opzo", 13e6, Interval(2.4, 2.2, 2.5, 0.95)),
    ]
    with at_width(width):
        log_panel(_of(measurements, "mean_squared_error"), LOOKS, "m")
        cosine_panel(_of(measurements, "cosine"), LOOKS, "c")
        tradeoff_figure(prices, LOOKS, "p")
        training_figure(make_training(epochs=epochs), LOOKS, "t")
    assert len(drawn) == 4
    for figure in drawn:
        figure.savefig(io.BytesIO(), format="png", dpi=100)
        axes = figure.axes[0]
        low, high = axes.get_xlim()
        unseen = [one for one in axes.get_xticklabels() if not low <= one.get_position()[0] <= high]
        words = [one for one in figure.findobj(Text) if one.get_text() and one not in unseen]
        assert len(words) > 8
        for word in words:
            box = word.get_window_extent()
            assert box.x0 >= -1, word
            assert box.x1 <= figure.bbox.width + 1, word
            assert box.y0 >= -1, word


def test_a_single_epoch_has_a_whole_number_on_its_axis(training: list[EpochRow]) -> None:
    svg = training_figure([row for row in training if row.epoch == 1], LOOKS, "t")
    assert ">1<" in svg
    assert not re.search(r">[01]\.\d+<", svg)


def test_labels_keep_their_distance() -> None:
    places = spread([1.0, 1.0, 1.1, 9.9, 9.95], 0.5, 0.0, 10.0)
    assert all(b - a >= 0.5 - 1e-9 for a, b in itertools.pairwise(places))
    assert places[-1] <= 10.0


def test_accuracy_interval_is_student_s_t() -> None:
    # closed form for two degrees of freedom
    quantile = 0.95 * math.sqrt(2 / (4 * 0.975 * 0.025))
    found = mean_over_seeds([0.7, 0.8, 0.9])
    assert found.value == pytest.approx(0.8)
    # SciPy before 1.17 gives the quantile itself to 1.3e-11 only
    rel = 1e-12 if NumpyVersion(scipy.__version__) >= "1.17.0" else 2e-11
    assert found.high - found.value == pytest.approx(quantile * 0.1 / math.sqrt(3), rel=rel)
    assert math.isnan(mean_over_seeds([0.7]).low)
