import pytest

from trimaran.errors import TrainingError
from trimaran.training.stopping import Best, EarlyStopping, enough, judge, oriented, watched


def follow(rule: EarlyStopping, values: list[float]) -> list[tuple[int, bool]]:
    """The best epoch and whether to stop, after each value."""
    best, seen = Best(), []
    for epoch, value in enumerate(values, 1):
        best = judge(rule, best, value, epoch, epoch * 10)
        seen.append((best.epoch, enough(rule, best)))
    return seen


def test_patience_counts_epochs_without_improvement() -> None:
    seen = follow(EarlyStopping(patience=2), [3.0, 2.0, 2.0, 2.5, 1.0])
    assert seen == [(1, False), (2, False), (2, False), (2, True), (5, False)]


def test_more_is_better_for_accuracy_unless_told() -> None:
    assert follow(EarlyStopping("val_accuracy", 1), [0.5, 0.6, 0.6])[-1] == (2, True)
    assert follow(EarlyStopping("val_accuracy", 1, mode="min"), [0.5, 0.6])[-1] == (1, True)
    assert oriented("val_loss", 2.0) == 2.0 and oriented("out_accuracy", 2.0) == -2.0


def test_an_improvement_must_exceed_min_delta() -> None:
    assert follow(EarlyStopping(patience=1, min_delta=0.5), [3.0, 2.5])[-1] == (1, True)
    assert follow(EarlyStopping(patience=1, min_delta=0.5), [3.0, 2.4])[-1] == (2, False)


def test_nan_is_no_improvement_and_patience_0_is_1() -> None:
    assert follow(EarlyStopping(patience=0), [1.0, float("nan")])[-1] == (1, True)
    assert follow(EarlyStopping(patience=3), [float("nan"), 1.0])[-1] == (2, False)


def test_an_unknown_figure_is_named() -> None:
    assert watched({"val_loss": 2.0}, "val_loss") == 2.0
    with pytest.raises(TrainingError, match="did you mean 'val_accuracy'"):
        watched({"val_loss": 1.0, "val_accuracy": 0.5}, "val_acuracy")
