"""The page of `reproduce table-3`, from planted runs."""

from __future__ import annotations

import re

import pytest
from tests.comparison.planted_table3 import measured

from trimaran.report import table3


@pytest.fixture(scope="module")
def page() -> str:
    return table3.render(measured())


def test_the_page_stands_alone(page: str) -> None:
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    sections = set(re.findall(r'<section id="(\w+)"', page))
    assert {link[1:] for link in links if link.startswith("#")} == sections
    assert not [link for link in links if not link.startswith(("#", "data:"))]
    assert "<script" not in page


def test_every_claim_stands_beside_its_measurement(page: str) -> None:
    for one in measured()["claims"]:
        row = rf"<td>{one['of']}</td><td>{re.escape(one['words'])}</td>\s*<td class=\"verdict"
        assert re.search(row, page) and str(one["evidence"].split(":")[0]) in page.replace(
            "&#39;", "'"
        )
    assert page.count('<td class="verdict') == 12


def test_pictures_have_a_line_for_each_network_and_a_whisker_for_each_point(page: str) -> None:
    pictures = re.findall(r"<figure.*?</figure>", page, re.DOTALL)
    assert len(pictures) == 3 + 2 + 2
    points = [3, 3, 3, 20, 20, 5, 5]
    for picture, count in zip(pictures, points, strict=True):
        for i in (1, 2, 3):
            assert picture.count(f'class="series-{i} line"') == 1
            assert picture.count(f'class="series-{i} whisk line"') == count


def test_gradients_are_drawn_on_a_logarithmic_scale(page: str) -> None:
    picture = re.findall(r"<figure.*?</figure>", page, re.DOTALL)[3]
    ticks = re.findall(r'class="tick" text-anchor="end">([^<]+)<', picture)
    assert {"1e-6", "1e-4"} <= set(ticks)


def test_counts_and_shares_as_people_read_them(page: str) -> None:
    assert "27 of 27<br><small>88 to 100 %</small>" in page
    assert "123 runs of at most 200 updates" in page and "1 min 40 s" in page
    assert table3.power({"runs": 0}) == "nothing finite"


def test_a_network_without_a_finite_gradient_is_left_out() -> None:
    found = measured()
    found["gradients"]["trained"]["rnn"] = []
    found["gradients"]["ratio"]["trained"]["rnn"] = {"runs": 0}
    page = table3.render(found)
    picture = re.findall(r"<figure.*?</figure>", page, re.DOTALL)[4]
    assert 'class="series-1 line"' not in picture and 'class="series-2 line"' in picture
    assert "nothing finite" in page
