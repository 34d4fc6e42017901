"""Pictures place values where they belong, and numbers read well."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran.report import matrices, numbers, svg


def circles(markup: str) -> list[tuple[float, float]]:
    tree = ElementTree.fromstring(markup)
    return [(float(c.get("cx")), float(c.get("cy"))) for c in tree.iter("circle")]


def test_a_falling_line_falls_on_the_picture():
    chart = svg.line_chart([svg.Series("loss", "series-1", (1, 2, 3), (0.9, 0.5, 0.1))], "loss")
    places = circles(chart)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted(y for _, y in places)  # SVG counts y downwards


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_every_point_lies_inside_the_picture(values):
    series = svg.Series("x", "series-1", tuple(map(float, range(len(values)))), tuple(values))
    chart = svg.line_chart([series], "x")
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', chart).groups())
    for x, y in circles(chart):
        assert 0 <= x <= width and 0 <= y <= height


def words(markup: str, style: str) -> list[str | None]:
    found = ElementTree.fromstring(markup).iter("text")
    return [node.text for node in found if node.get("class") == style]


def test_a_single_point_stands_in_the_middle_of_its_own_tick():
    chart = svg.line_chart([svg.Series("loss", "series-1", (1.0,), (0.7,))], "loss", mark=1.0)
    ((x, _),) = circles(chart)
    assert x == pytest.approx((svg.LEFT + 290 - svg.RIGHT) / 2)
    *values, epoch = words(chart, "tick")
    assert epoch == "1" and len(values) >= 2


def test_the_best_epoch_is_named_above_the_lines_and_inside_the_picture():
    for best, side in ((1.0, "start"), (3.0, "middle"), (5.0, "end")):
        line = svg.Series("loss", "series-1", (1.0, 2.0, 3.0, 4.0, 5.0), (0.9, 0.5, 0.1, 0.2, 0.3))
        chart = svg.line_chart([line], "loss", mark=best)
        nodes = ElementTree.fromstring(chart).iter("text")
        (name,) = [node for node in nodes if node.text == "best"]
        assert name.get("text-anchor") == side
        assert float(name.get("y")) < svg.TOP <= min(y for _, y in circles(chart))


@pytest.mark.parametrize("value", [2.7, 0.31, 3e-9, 4e-14])
@pytest.mark.parametrize("apart", [0, 3e-16, 1e-13, 1e-7])
def test_values_that_differ_by_rounding_have_ticks(value, apart):
    """Two backends' losses of one update: ticks with names of their own."""
    lines = [
        svg.Series("a", "series-1", (1.0,), (value,)),
        svg.Series("b", "series-2", (1.0,), (value * (1 + apart),)),
    ]
    *names, _ = words(svg.line_chart(lines, "loss"), "tick")
    assert len(set(names)) == len(names) >= 2


def test_small_differences_that_are_none_of_rounding_have_names_apart():
    line = svg.Series("a", "series-1", (1.0, 2.0), (0.31, 0.310003))
    *names, _, _ = words(svg.line_chart([line], "loss"), "tick")
    assert len(set(names)) == len(names) >= 2


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_few_and_inside(low, width):
    found = numbers.ticks(low, low + width)
    assert 1 <= len(found) <= 8
    slack = width * 0.01 + abs(low) * 1e-9
    assert all(low - slack <= value <= low + width + slack for value in found)


def test_names_are_escaped():
    chart = matrices.heat_map([[1, 2], [3, 4]], ["<script>", "b & c"])
    ElementTree.fromstring(chart)
    assert "<script>" not in chart


def test_each_cell_tells_its_pair():
    chart = matrices.heat_map([[7, 2], [0, 5]], ["cat", "dog"])
    titles = [node.text for node in ElementTree.fromstring(chart).iter("title")]
    assert titles[1] == "cat taken for dog: 2 rows (22.2 % of cat)"


def test_a_class_without_rows_is_drawn():
    ElementTree.fromstring(matrices.heat_map([[0, 0], [0, 0]], ["a", "b"]))


def test_too_many_classes_are_told_as_pairs():
    table = [[0] * 30 for _ in range(30)]
    table[3][4], table[5][6] = 9, 2
    names = [f"c{i}" for i in range(30)]
    assert matrices.heat_map(table, names) is None
    assert [pair["predicted"] for pair in matrices.confused(table, names)] == ["c4", "c6"]


def test_a_perfectly_constant_scatter_is_drawn():
    ElementTree.fromstring(matrices.scatter([(0, 1.0, 1.0), (0, 1.0, 1.0)]))


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567, "1\u202f234\u202f567"), (0.12346, "0.1235"), (2.5e-7, "2.50e-07"), (None, "–"),
     (float("nan"), "nan"), (123456.7, "1.23e+05")],
)  # fmt: skip
def test_numbers_read_well(value, text):
    assert numbers.short(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(3.25, "3.2 s"), (65, "1 min 05 s"), (7322, "2 h 02 min")]
)
def test_times_read_well(value, text):
    assert numbers.seconds(value) == text


def test_a_logarithmic_chart_of_one_power_of_ten_has_a_scale():
    alike = svg.Series("rate", "blue", (1.0, 2.0), (0.01, 0.01))
    assert "nan" not in svg.line_chart([alike], "rate", log=True)
