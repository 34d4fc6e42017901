"""The chapter's Table 3: every cell has a verdict, and measurements decide it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.comparison.planted_table3 import measured

from trimaran.comparison.claims import CHANGED, HELD, NOT_SHOWN, judged
from trimaran.comparison.claims_table3 import BETTER, CLAIMS, OPEN, WORSE, relation
from trimaran.comparison.stability import Case
from trimaran.steps.memory import Choice

CHAPTER = {
    ("Gates", "Vanilla RNN"): "0", ("Gates", "LSTM"): "3", ("Gates", "GRU"): "2",
    ("Parameters", "Vanilla RNN"): "Low", ("Parameters", "LSTM"): "High",
    ("Parameters", "GRU"): "Medium", ("Training stability", "Vanilla RNN"): "Poor",
    ("Training stability", "LSTM"): "Excellent", ("Training stability", "GRU"): "Good",
}  # fmt: skip


def verdicts(found: dict[str, Any], aspect: str) -> dict[str, str]:
    return {c["of"]: c["verdict"] for c in judged(found, CLAIMS) if c["aspect"] == aspect}


def test_every_cell_of_the_chapters_table_is_judged_and_shown() -> None:
    templates = Path(__file__).parents[2] / "src/trimaran/report/templates"
    page = (templates / "table3.html").read_text()
    assert {(c.aspect, c.of): c.words for c in CLAIMS if (c.aspect, c.of) in CHAPTER} == CHAPTER
    for one in judged(measured(), CLAIMS):
        assert one["verdict"] in (HELD, CHANGED, NOT_SHOWN)
        assert one["evidence"].endswith(".") and len(one["evidence"]) > 20
        assert f'<section id="{one["section"]}">' in page


def test_networks_that_rank_as_the_chapter_says_hold_every_word() -> None:
    assert {one["verdict"] for one in measured()["claims"]} == {HELD}


def test_a_ranking_the_other_way_round_is_changed() -> None:
    def turned(case: Case) -> bool:
        return case.cell == "rnn"

    found = measured(turned)
    assert [relation(found, "rnn", other) for other in ("lstm", "gru")] == [BETTER, BETTER]
    assert relation(found, "lstm", "rnn") == WORSE and relation(found, "gru", "lstm") == OPEN
    assert verdicts(found, "Training stability") == dict.fromkeys(
        ("Vanilla RNN", "LSTM", "GRU"), CHANGED
    )


@pytest.mark.parametrize("solves", [lambda case: True, lambda case: False])
def test_networks_that_do_alike_show_nothing(solves: Callable[[Case], bool]) -> None:
    found = verdicts(measured(solves), "Training stability")
    assert set(found.values()) == {NOT_SHOWN}


def test_a_single_pair_apart_is_no_proof() -> None:
    def once(case: Case) -> bool:
        return case.cell == "lstm" and (case.task, case.length, case.seed) == ("adding", 10, 0)

    assert set(verdicts(measured(once), "Training stability").values()) == {NOT_SHOWN}


@pytest.mark.parametrize(
    ("initial", "trained", "expected"),
    [(1.0, 1e6, HELD), (1e-6, 1e6, NOT_SHOWN), (1.0, 1e-6, CHANGED), (1.0, 1.0, NOT_SHOWN)],
)
def test_the_lstms_gradient_beside_the_rnns(initial: float, trained: float, expected: str) -> None:
    """The LSTM's ratio over the RNN's, before training and after it."""
    found = measured()
    for name, factor in (("initial", initial), ("trained", trained)):
        ratio = found["gradients"]["ratio"][name]
        ratio["lstm"] = {k: v if k == "runs" else v * factor for k, v in ratio["rnn"].items()}
    (one,) = [c for c in judged(found, CLAIMS) if "vanishing" in c["words"]]
    assert one["verdict"] == expected


def test_a_network_with_no_finite_gradient_shows_nothing() -> None:
    found = measured()
    found["gradients"]["ratio"]["trained"]["rnn"] = {"runs": 0}
    (one,) = [c for c in judged(found, CLAIMS) if "vanishing" in c["words"]]
    assert one["verdict"] == NOT_SHOWN and "nothing finite in the RNN" in one["evidence"]


@pytest.mark.parametrize(
    ("cell", "name", "value", "aspect"),
    [("lstm", "gates", 4, "Gates"), ("lstm", "trained", 10, "Parameters"),
     ("gru", "states", 2, "The text beside it")],
)  # fmt: skip
def test_other_counts_would_change_the_verdict(
    cell: str, name: str, value: int, aspect: str
) -> None:
    found = measured()
    found["cells"][cell]["counts"][name] = value
    assert verdicts(found, aspect)[{"lstm": "LSTM", "gru": "GRU"}[cell]] == CHANGED


def test_parameters_that_grow_with_the_length_would_be_told() -> None:
    found = measured()
    found["cells"]["gru"]["same_at_all_lengths"] = False
    assert verdicts(found, "The text beside it")["RNNs"] == CHANGED


def test_a_ranking_that_one_task_turns_round_is_not_shown_and_the_task_is_told() -> None:
    def mixed(case: Case) -> bool:
        return (case.cell == "rnn") == (case.task == "copy")

    found = measured(mixed, Choice(seeds=8, updates=200))
    assert relation(found, "lstm", "rnn", "adding") == BETTER
    assert relation(found, "lstm", "rnn", "copy") == WORSE
    assert relation(found, "rnn", "lstm") == relation(found, "rnn", "gru") == WORSE
    assert verdicts(found, "Training stability")["Vanilla RNN"] == NOT_SHOWN
    (one,) = [c for c in judged(found, CLAIMS) if c["words"] == "Excellent"]
    assert "on copy it solves fewer than the Vanilla RNN" in one["evidence"]
