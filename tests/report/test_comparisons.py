"""The pages of comparisons, from planted measurements."""

from __future__ import annotations

import re

import pytest
from tests.comparison.measurements import LABELS, graph, measured

from trimaran.report import frameworks, graphs
from trimaran.report import measured as show


@pytest.fixture(scope="module")
def page() -> str:
    return frameworks.render(measured())


def test_the_page_stands_alone_and_links_only_to_its_folder(page: str) -> None:
    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    assert links and not [link for link in links if "//" in link]
    outside = {link for link in links if not link.startswith(("#", "data:"))}
    assert {"torch/model.py", "jax/train.py", "tensorflow/mistake/error.txt", "measurements.json",
            "runs/jax-2/run/report.html"} <= outside  # fmt: skip
    sections = set(re.findall(r'<section id="(\w+)"', page))
    assert {link[1:] for link in links if link.startswith("#")} <= sections
    assert "<script" not in page


def test_every_claim_and_its_verdict_stand_on_the_page(page: str) -> None:
    found = measured()["claims"]
    for verdict in ("held", "changed since", "not shown"):
        count = sum(one["verdict"] == verdict for one in found)
        shown = re.findall(rf'<td class="verdict [\w-]+">{verdict}</td>', page)
        assert len(shown) == count > 0


def test_source_and_errors_are_escaped_and_numbered(page: str) -> None:
    assert "x = x.reshape(&lt;129&gt;)" in page and "print(i &lt; 2)" in page
    assert '<span class="quiet">1</span>  for i in range(3):' in page
    assert "about &lt;it&gt;" in page


def test_curves_carry_a_whisker_for_each_epoch_and_backend(page: str) -> None:
    assert page.count('class="series-2 whisk line"') == 4 * 3
    assert page.count("<figure") == 4


def test_formats_say_what_came_of_them(page: str) -> None:
    assert "written, 4 kB" in page and "No module named &#39;x&#39;" in page
    assert "not one of its formats" in page and "it is deprecated" in page


def planted_graphs(ok: bool) -> dict[str, object]:
    rows = [graph("eager", True, 0.01, 0.0), graph("compiled", ok, 0.004, 2.0),
            graph("missing", None, 0.0, 0.0)]  # fmt: skip
    rows = [{**one, "backend": name} for name in LABELS for one in rows]
    return {
        "ok": ok, "verdict": "The verdict.", "model": "m", "parameters": 10, "batch_size": 8,
        "repeats": 3, "threads": 2, "tolerance": 1e-5, "labels": LABELS, "rows": rows,
        "cpu": {"model": "a CPU"},
    }  # fmt: skip


@pytest.mark.parametrize("ok", [True, False])
def test_the_page_of_graphs(ok: bool) -> None:
    text = graphs.render(planted_graphs(ok))
    assert (">same<" in text) == ok and "The verdict." in text
    assert text.count('class="ill"') == (0 if ok else 3)
    assert text.count("not run: no compiler here") == 3
    assert text.count("90 calls (80 to never)") >= 3 and text.count("<figure") == 3


def test_values_as_people_read_them() -> None:
    assert [show.time(s) for s in (12.3456, 0.0123, 4e-5)] == ["12.3 s", "12.3 ms", "40 µs"]
    value = {"mean": 0.9, "low": 0.7, "high": 1.3}
    assert "0.7000 to 1.0000" in show.interval(value, "accuracy")
    assert "0.7000 to 1.3000" in show.interval(value, "log_loss")
    assert show.deviation(0.0) == "0" and show.deviation(1.23e-7) == "1.2e-07"
    assert show.megabytes(None) == "not told here"
