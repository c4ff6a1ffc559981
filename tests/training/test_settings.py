from __future__ import annotations

import pytest

from gradassay.core.errors import ConfigurationError, UsageError
from gradassay.training import TrainingSettings


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs: got 0; expected an integer of at least 1."),
        ("epochs", True, "epochs: got True; expected an integer of at least 1."),
        ("batch_size", 1.5, "batch_size: got 1.5; expected an integer of at least 1."),
        ("learning_rate", 0.0, "learning_rate: got 0.0; expected a positive number."),
        ("learning_rate", float("nan"), "learning_rate: got nan; expected a positive number."),
        ("learning_rate", float("inf"), "learning_rate: got inf; expected a positive number."),
        ("momentum", 1.0, "momentum: got 1.0; expected a number in [0, 1)."),
        ("momentum", "0.9", "momentum: got '0.9'; expected a number in [0, 1)."),
        ("second_momentum", -0.1, "second_momentum: got -0.1; expected a number in [0, 1)."),
        ("weight_decay", -1.0, "weight_decay: got -1.0; expected a number of at least 0."),
        ("largest_norm", 0.0, "largest_norm: got 0.0; expected a positive number."),
        ("step_factor", 1.0, "step_factor: got 1.0; expected a number in (0, 1)."),
        ("warm_up_epochs", -1, "warm_up_epochs: got -1; expected a number of at least 0."),
        (
            "milestones",
            (0.5, 0.5),
            "milestones: got (0.5, 0.5); expected rising fractions of the run in (0, 1).",
        ),
        ("seed", 0.5, "seed: got 0.5; expected an integer."),
    ],
)
def test_an_impossible_value_is_one_line(field: str, value: object, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainingSettings(**{field: value})  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_an_unknown_schedule_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'cosine'"):
        TrainingSettings(schedule="cosin")  # type: ignore[arg-type]


def test_an_unknown_optimiser_is_refused() -> None:
    with pytest.raises(UsageError, match="optimiser: got 'adam'"):
        TrainingSettings(optimiser="adam")  # type: ignore[arg-type]


def test_a_replaced_field_is_checked_too() -> None:
    with pytest.raises(ConfigurationError, match="epochs"):
        TrainingSettings().replace(epochs=-1)
