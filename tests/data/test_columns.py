"""Which columns a table gives to the model: planted leaks are found, honest columns are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimaran.data.columns import usable_columns, useless
from trimaran.data.leaks import leak
from trimaran.data.raw import RawTable
from trimaran.data.settings import DataSettings
from trimaran.errors import DataError

RNG = np.random.default_rng(0)
N = 200
LABELS = RNG.choice(["no", "yes", "maybe"], N).astype(object)
NUMBERS = RNG.normal(size=N)


def texts(values) -> np.ndarray:
    return np.array([str(v) for v in values], object)


RENAMED = texts({"no": "A", "yes": "B", "maybe": "C"}[v] for v in LABELS)
NUMBERED = np.array([{"no": 3.0, "yes": 1.0, "maybe": 2.0}[v] for v in LABELS])
FINER = texts(f"{v}{k % 2}" for k, v in enumerate(LABELS))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (LABELS, "equals"),
        (RENAMED, "equals"),
        (NUMBERED, "equals"),
        (FINER, "determines"),
        (RNG.choice(["u", "v"], N).astype(object), None),
        (NUMBERS, None),
        (np.full(N, 1.0), None),
        (np.arange(N, dtype=float), None),  # all different: says nothing
    ],
)
def test_leaks_of_a_class(column: np.ndarray, expected: str | None) -> None:
    assert leak(column, LABELS, "classify") == expected


def test_one_exception_is_no_leak() -> None:
    column = RENAMED.copy()
    column[np.flatnonzero(LABELS == "no")[0]] = "B"
    assert leak(column, LABELS, "classify") is None


@settings(max_examples=30)
@given(st.floats(0.01, 100), st.floats(-100, 100), st.booleans())
def test_straight_lines_give_a_number_away(slope: float, start: float, down: bool) -> None:
    column = (-slope if down else slope) * NUMBERS + start
    assert leak(column, NUMBERS, "regress") == "equals"
    assert leak(column + RNG.normal(size=N) * slope * 0.01, NUMBERS, "regress") is None


def test_few_rows_prove_nothing() -> None:
    assert leak(LABELS[:19], LABELS[:19], "classify") is None


def table(**columns: np.ndarray) -> RawTable:
    return RawTable("t", {"honest": NUMBERS, **columns, "y": LABELS}, "t.csv", 2)


def test_the_leak_is_named_and_can_be_kept_or_dropped() -> None:
    leaky = table(outcome=RENAMED)
    with pytest.raises(DataError, match="'outcome' of t.csv gives the target 'y' away.*data.drop"):
        usable_columns(leaky, "y", "classify", DataSettings())
    dropped, told = usable_columns(leaky, "y", "classify", DataSettings(drop=("outcome",)))
    assert list(dropped) == ["honest"] and told == ()
    kept, told = usable_columns(leaky, "y", "classify", DataSettings(keep=("outcome",)))
    assert list(kept) == ["honest", "outcome"] and "'outcome' goes with one value" in told[0]


def test_a_finer_column_is_told_of() -> None:
    kept, told = usable_columns(table(finer=FINER), "y", "classify", DataSettings())
    assert "finer" in kept and "only known after the target" in told[0]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.arange(5, 5 + N, dtype=float), "counts the rows"),
        (np.full(N, 2.0), "one value only"),
        (np.full(N, np.nan), "it is empty"),
        (np.full(N, None, object), "it is empty"),
        (texts(["same"] * N), "one value only"),
        (texts(range(N)), "almost all different"),
        (NUMBERS, None),
        (np.array([None, "x"] * (N // 2), object), None),  # being absent may tell something
        (np.array([True, None] * (N // 2), object), None),
    ],
)
def test_useless_columns(values: np.ndarray, reason: str | None) -> None:
    found = useless(values)
    assert found is None if reason is None else reason in str(found)


def test_keep_overrules_and_nothing_left_is_an_error() -> None:
    counting = RawTable("t", {"id": np.arange(N, dtype=float), "y": LABELS}, "t.csv")
    with pytest.raises(DataError, match="no column to learn from beside the target 'y'"):
        usable_columns(counting, "y", "classify", DataSettings())
    assert list(usable_columns(counting, "y", "classify", DataSettings(keep=("id",)))[0]) == ["id"]


def test_many_and_missing_texts_are_told_of() -> None:
    many = texts(k % 80 for k in range(N))
    many[:10] = None
    _, told = usable_columns(table(code=many), "y", "classify", DataSettings())
    assert "'code' has 10 missing value(s)" in told[0] and "80 different texts" in told[1]
