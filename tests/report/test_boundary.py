"""Decision regions have the colour of their class, and rows stand where they are."""

from xml.etree import ElementTree

import numpy as np
import pytest

from trimaran.report.boundary import HUES, LEFT, SIDE, TOP, draw


def planted(classes: int = 2) -> dict[str, np.ndarray]:
    chances = np.zeros((20, 20, classes))
    chances[:, :10, 0], chances[:, 10:, 1] = 1, 1
    return {
        "chances": chances,
        "points": np.array([[0.0, 10.0], [1.0, 20.0]]),
        "labels": np.array([0, 1]),
        "low": np.array([0.0, 10.0]),
        "high": np.array([1.0, 20.0]),
        "columns": np.array(["length", "a < b"]),
        "classes": np.array([f"class {i}" for i in range(classes)]),
    }


def test_rows_stand_at_their_place_in_the_colour_of_their_class():
    tree = ElementTree.fromstring(draw(planted()))
    dots = [c for c in tree.iter("circle") if c.get("r") == "4"]
    assert [(float(d.get("cx")), float(d.get("cy"))) for d in dots] == [
        (LEFT, TOP + SIDE), (LEFT + SIDE, TOP),
    ]  # fmt: skip
    assert [d.get("fill") for d in dots] == list(HUES[:2])
    words = "|".join(tree.itertext())
    assert "length" in words and "a < b" in words and "class 1" in words


def test_an_even_chance_is_paler_than_a_sure_one():
    from trimaran.report.boundary import _colours

    sure, even = _colours(np.array([[[0.0, 1.0], [0.49, 0.51]]]))[0]
    assert even.min() > sure.min() and sure.argmax() == 2  # the second hue is a blue


@pytest.mark.parametrize("arrays", [{}, planted(len(HUES) + 1)])
def test_without_data_or_with_too_many_classes_nothing_is_drawn(arrays):
    assert draw(arrays) is None
