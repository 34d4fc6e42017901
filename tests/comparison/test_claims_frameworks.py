"""The chapter's table: every claim has a verdict and evidence, and evidence decides the verdict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.comparison.measurements import measured

from trimaran.comparison.claims import CHANGED, HELD, NOT_SHOWN, judged
from trimaran.comparison.claims_frameworks import CLAIMS

ASPECTS = ("Computation graph", "Ease of use", "Deployment", "Best for", "Visualization",
           "Community")  # fmt: skip


def verdict(found: dict[str, Any], of: str, words: str) -> str:
    """The verdict on one claim."""
    (one,) = [c for c in judged(found, CLAIMS) if c["of"] == of and words in c["words"]]
    return one["verdict"]


def test_every_claim_has_a_verdict_and_evidence_that_stands_on_the_page() -> None:
    page = (Path(__file__).parents[2] / "src/trimaran/report/templates/frameworks.html").read_text()
    found = judged(measured(), CLAIMS)
    assert len(found) == len(CLAIMS)
    for one in found:
        assert one["verdict"] in (HELD, CHANGED, NOT_SHOWN)
        assert one["evidence"].endswith(".") and len(one["evidence"]) > 20
        assert f'<section id="{one["section"]}">' in page


def test_every_cell_of_the_chapters_table_is_judged() -> None:
    cells = {(one.aspect, one.of) for one in CLAIMS}
    assert {(a, of) for a in ASPECTS for of in ("TensorFlow", "PyTorch", "Keras")} <= cells


def set_eager(found: dict[str, Any], ok: bool | None) -> None:
    found["backends"]["tensorflow"]["graphs"][0] |= {"ok": ok, "failed": "" if ok else "it broke"}


def set_late(found: dict[str, Any]) -> None:
    found["backends"]["torch"]["error"]["while"] = "building"


def set_ran(found: dict[str, Any]) -> None:
    found["backends"]["jax"]["loop"]["ran"] = False


def set_unwritten(backend: str, kind: str) -> Callable[[dict[str, Any]], None]:
    def change(found: dict[str, Any]) -> None:
        for one in found["backends"][backend]["formats"]:
            one["written"] = one["written"] and one["name"] != kind

    return change


def set_slow(found: dict[str, Any]) -> None:
    graph = found["backends"]["tensorflow"]["graphs"][1]
    graph["step"]["steady"] = {"median": 0.01, "low": 0.008, "high": 0.02, "runs": 3}


def set_named(found: dict[str, Any]) -> None:
    found["backends"]["tensorflow"]["error"]["named"] = True


@pytest.mark.parametrize(
    ("of", "words", "before", "change", "after"),
    [
        ("TensorFlow", "Static (", CHANGED, lambda f: set_eager(f, None), NOT_SHOWN),
        ("PyTorch", "Dynamic", HELD, set_late, NOT_SHOWN),
        ("Keras", "High-level", CHANGED, set_ran, NOT_SHOWN),
        ("TensorFlow", "Serving", HELD, set_unwritten("tensorflow", "SavedModel"), NOT_SHOWN),
        ("TensorFlow", "Lite", HELD, set_unwritten("tensorflow", "LiteRT"), NOT_SHOWN),
        ("Keras", "TensorBoard", CHANGED, set_unwritten("jax", "TensorBoard"), HELD),
        ("PyTorch", "TensorBoard", HELD, set_unwritten("torch", "TensorBoard"), NOT_SHOWN),
        ("TensorFlow", "optimizations", HELD, set_slow, NOT_SHOWN),
        ("PyTorch", "debugging", HELD, set_named, NOT_SHOWN),
    ],
)
def test_evidence_decides(
    of: str, words: str, before: str, change: Callable[[dict[str, Any]], None], after: str
) -> None:
    found = measured()
    assert verdict(found, of, words) == before
    change(found)
    assert verdict(found, of, words) == after


def test_opinions_are_never_held() -> None:
    opinions = [c for c in judged(measured(), CLAIMS) if c["aspect"] in ("Ease of use", "Best for",
                                                                "Community")]  # fmt: skip
    assert len(opinions) == 9 and {one["verdict"] for one in opinions} == {NOT_SHOWN}
