"""Which columns a table gives to the model: planted leaks are found, honest columns are not."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimaran.data.columns import usable_columns, useless
from trimaran.data.leaks import chance, leak, telling
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


def pair(rows: int, rare: int) -> np.ndarray:
    """A column of two values, one of them in so many rows."""
    return np.array([True] * rare + [False] * (rows - rare), object)


@pytest.mark.parametrize(
    ("rows", "rare", "expected"),
    [
        (20, 10, "agrees"),
        (42, 21, "agrees"),
        (43, 21, "equals"),  # 1 / (43 over 21) is 9.5e-13
        (50, 10, "agrees"),
        (100, 10, "equals"),
        (1000, 3, "agrees"),  # three rare rows can coincide in a large table, too
        (1000, 10, "equals"),
    ],
)
def test_two_values_may_agree_by_chance(rows: int, rare: int, expected: str) -> None:
    column = pair(rows, rare)
    assert leak(column, column, "classify") == expected
    assert leak(~column.astype(bool), column, "classify") == expected


@pytest.mark.parametrize("values", ["aabb", "aaab", "aabbcc", "aabbbcc", "abcd", "aaabbbcccc"])
def test_the_chance_is_that_of_counting_every_order(values: str) -> None:
    """The oracle: shuffle in every way, and ask whether the two go together one to one."""
    orders = list(itertools.islice(itertools.permutations(values), 5040))
    if len(values) > 7:
        rng = np.random.default_rng(0)
        orders = [tuple(rng.permutation(list(values))) for _ in range(20_000)]
    same = [len(set(zip(order, values, strict=True))) == len(set(values)) for order in orders]
    given = chance(np.array(list(values)))
    assert np.mean(same) == pytest.approx(given, abs=1e-12 if len(values) <= 7 else 1e-3)


def test_a_line_of_few_numbers_leaks_unless_they_are_two() -> None:
    assert leak(2 * NUMBERS[:20] + 1, NUMBERS[:20], "regress") == "equals"
    flag = pair(30, 15).astype(float)
    assert leak(flag, 3 - 2 * flag, "regress") == "agrees"
    flag = pair(60, 30).astype(float)
    assert leak(flag, 3 - 2 * flag, "regress") == "equals"


def test_what_may_be_chance_is_told_and_kept() -> None:
    def small(rows: int) -> RawTable:
        labels = pair(rows, rows // 2)
        columns = {"honest": NUMBERS[:rows], "flag": ~labels.astype(bool), "y": labels}
        return RawTable("t", columns, "t.csv", 2)

    kept, told = usable_columns(small(40), "y", "classify", DataSettings())
    assert list(kept) == ["honest", "flag"]
    assert "'flag' agrees with the target 'y' in all 40 rows" in told[0] and "chance" in told[0]
    with pytest.raises(DataError, match="'flag' of t.csv gives the target 'y' away"):
        usable_columns(small(60), "y", "classify", DataSettings())


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


def test_a_column_that_nearly_tells_the_target_is_told_of() -> None:
    rng = np.random.default_rng(0)
    target = np.array(["no", "yes"], object)[rng.integers(0, 2, 400)]
    yes = target == "yes"
    again = np.where(rng.random(400) < 0.02, ~yes, yes)  # right in 98 of 100 rows
    later = np.where(again, rng.random(400), np.nan)  # a number that is there for most "yes"
    honest = np.where(rng.random(400) < 0.3, ~yes, yes)
    columns = {"again": again, "later": later, "honest": honest, "y": target}
    table = RawTable("t", columns, "t.csv", 2)
    kept, told = usable_columns(table, "y", "classify", DataSettings())
    (sentence,) = [text for text in told if "nearly tells" in text]
    assert set(kept) == {"again", "later", "honest"}
    assert "'again' (98" in sentence and "'later' (98" in sentence and "honest" not in sentence
    assert sentence.endswith("data.drop=again,later.")


@pytest.mark.parametrize(
    ("wrong", "rare", "told"), [(4, 100, True), (11, 100, False), (0, 19, False), (1, 20, True)]
)
def test_what_is_nearly_told_is_measured_against_the_blind_guess(
    wrong: int, rare: int, told: bool
) -> None:
    target = np.arange(1000) < rare
    column = target.copy()
    column[:wrong] = False
    assert (telling(column, target) is not None) == told


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([*range(50), -9999, -9999], "has 2 value(s) of -9999, far from all others (0 to 49)"),
        ([*range(50), 999], "has 1 value(s) of 999"),
        ([*range(900, 1000)], None),  # the largest of many neighbours
        ([*range(50), -9998], None),
        ([0.5, 0.25, 9.0], None),
    ],
)
def test_marks_of_missing_values_are_told_of(values: list[float], told: str | None) -> None:
    numbers = np.array(values, float)
    columns = {"a": numbers, "n": np.arange(len(numbers)) ** 2.0, "y": np.arange(len(numbers)) % 2}
    notices = usable_columns(RawTable("t", columns), "y", "classify", DataSettings())[1]
    found = [text for text in notices if "far from all others" in text]
    assert [told in text for text in found] == ([True] if told else [])
