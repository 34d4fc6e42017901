"""Keras's names as names of attributes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimaran.backends.keras.reading.names import TAKEN, identifiers
from trimaran.spec.naming import check_name


def test_what_fits_stays_and_the_rest_is_made_to() -> None:
    assert identifiers(["conv1", "conv-1", "conv_1", "1x1", "for", "train", "é"]) == {
        "conv1": "conv1", "conv-1": "conv_1_2", "conv_1": "conv_1", "1x1": "_1x1", "for": "for_",
        "train": "train_", "é": "_",
    }  # fmt: skip


@given(st.lists(st.text("ab_-.1é ", min_size=0, max_size=4), max_size=12))
def test_names_are_legal_and_differ(names: list[str]) -> None:
    found = identifiers(names)
    assert len(set(found.values())) == len(set(names))
    for name in found.values():
        check_name("layer", name)


def test_the_words_of_pytorch_are_all_known() -> None:
    from torch import nn

    own = {name for kind in (nn.Module, nn.ModuleDict) for name in vars(kind)} | set(
        vars(nn.Module())
    )
    assert {name for name in own if not name.startswith("_")} <= TAKEN | {"T_destination"}
