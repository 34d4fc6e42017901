"""Masks of dropout drawn four at a time: as random as PyTorch's, and attention that is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trimaran.backends.torch import drawing
from trimaran.backends.torch.drawing import BLOCK, Drawing
from trimaran.backends.torch.loop import engine
from trimaran.data.batches import Rows
from trimaran.tasks.loss import Loss, Objective
from trimaran.training.engine import Objectives
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

SHAPE = (1000, 403)
"""Not a multiple of the four entries that share a draw."""


def fair(drawn: Callable[[Tensor, float], Tensor], rate: float) -> bool:
    """Whether a mask's entries are 0 or the right weight, as often as they should be, whichever of
    the four places of a draw they come from, and its neighbours independent: each within five
    standard deviations."""
    torch.manual_seed(1)
    mask = drawn(torch.empty(SHAPE), rate)
    if not torch.isclose(mask[mask != 0], torch.tensor(1 / (1 - rate))).all():
        return False
    keeps = (mask != 0).double().flatten()
    spread = (rate * (1 - rate)) ** 0.5
    places = keeps[: len(keeps) // 4 * 4].view(-1, 4).mean(0)
    near = (keeps[1:] - (1 - rate)) * (keeps[:-1] - (1 - rate))
    return bool(
        ((places - (1 - rate)).abs() < 5 * spread / (len(keeps) / 4) ** 0.5).all()
        and near.mean().abs() < 5 * spread**2 / len(keeps) ** 0.5
    )


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9])
def test_masks_are_fair(rate: float) -> None:
    assert fair(drawing.kept, rate)


FAULTS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "what is left is not made larger": lambda x, rate: drawing.kept(x, rate) * (1 - rate),
    "rate and its complement": lambda x, rate: drawing.kept(x, 1 - rate),
    "a draw that all four entries take": lambda x, rate: (
        drawing.kept(torch.empty(x.numel() // 4 + 1, 1), rate)
        .expand(-1, 4)
        .flatten()[: x.numel()]
        .view(x.shape)
    ),
    "a place that keeps more": lambda x, rate: torch.where(
        torch.arange(x.numel()).view(x.shape) % 40 == 3, 1 / (1 - rate), drawing.kept(x, rate)
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_unfair_masks_are_found(fault: str) -> None:
    assert not fair(FAULTS[fault], 0.2)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dropout_multiplies_by_its_mask_forward_and_backward(dtype: torch.dtype) -> None:
    x = torch.randn(7, 5, dtype=dtype, requires_grad=True)
    torch.manual_seed(3)
    mask = drawing.kept(x, 0.3)
    torch.manual_seed(3)
    with Drawing():
        y = F.dropout(x, 0.3)
    assert y.dtype == dtype and torch.equal(y, x * mask)
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], mask)


@pytest.mark.parametrize("given", [(0.3, False), (0.0, True), (1.0, True), (0.3, True, True)])
def test_what_drops_nothing_or_all_or_in_place_is_pytorchs(given: tuple[Any, ...]) -> None:
    x = torch.randn(40)
    torch.manual_seed(3)
    wanted = F.dropout(x.clone(), *given)
    torch.manual_seed(3)
    with Drawing():
        assert torch.equal(F.dropout(x.clone(), *given), wanted)


def heads(steps: int, keys: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(steps)
    sizes = (steps, 8), (keys, 8), (keys, 6)
    made = [torch.randn(2, 3, *size, generator=rng, dtype=torch.float64) for size in sizes]
    return [x.requires_grad_() for x in made]


CASES = [(1, 1, True), (BLOCK, BLOCK, True), (BLOCK + 1, BLOCK + 1, True), (150, 150, True),
         (9, 9, False), (5, 11, False)]  # fmt: skip


@pytest.mark.parametrize(("steps", "keys", "causal"), CASES)
def test_attention_is_pytorchs_where_its_mask_keeps_all(
    steps: int, keys: int, causal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, ...]] = []

    def all_of_it(like: Tensor, rate: float) -> Tensor:
        seen.append(tuple(like.shape))
        return torch.ones_like(like)

    monkeypatch.setattr(drawing, "kept", all_of_it)
    given = heads(steps, keys)
    with Drawing():
        ours = F.scaled_dot_product_attention(*given, dropout_p=0.4, is_causal=causal)
    theirs = F.scaled_dot_product_attention(*given, is_causal=causal)
    assert seen and torch.dist(ours, theirs) < 1e-12
    for a, b in zip(
        *(torch.autograd.grad(y.sin().sum(), given) for y in (ours, theirs)), strict=True
    ):
        assert torch.dist(a, b) < 1e-11


def test_attention_drops_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Written out with the masks that were drawn, and never those of later keys."""
    masks: list[Tensor] = []
    honest = drawing.kept

    def noted(like: Tensor, rate: float) -> Tensor:
        masks.append(honest(like, rate))
        return masks[-1]

    monkeypatch.setattr(drawing, "kept", noted)
    q, k, v = heads(150, 150)
    with Drawing():
        ours = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4, is_causal=True)
    whole = torch.cat([F.pad(m, (0, 150 - m.shape[-1])) for m in masks], 1).view(2, 3, 150, 150)
    scores = (q @ k.mT / 8**0.5).masked_fill(torch.ones(150, 150).triu(1).bool(), -torch.inf)
    assert torch.dist(ours, (scores.softmax(-1) * whole) @ v) < 1e-12
    assert [m.shape[-1] for m in masks] == [BLOCK, 2 * BLOCK, 150]


def test_attention_with_another_mask_is_pytorchs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(drawing, "attention")
    q, k, v = heads(6, 6)
    named = {"attn_mask": torch.ones(6, 6).tril().bool(), "dropout_p": 0.4}
    torch.manual_seed(0)
    wanted = F.scaled_dot_product_attention(q, k, v, **named)
    torch.manual_seed(0)
    with Drawing():
        assert torch.equal(F.scaled_dot_product_attention(q, k, v, **named), wanted)


def test_attention_under_autocast_is_in_bfloat16() -> None:
    q, k, v = (x.float() for x in heads(150, 150))
    with torch.autocast("cpu", torch.bfloat16), Drawing():
        torch.manual_seed(0)
        half = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4, is_causal=True)
    torch.manual_seed(0)
    with Drawing():
        full = F.scaled_dot_product_attention(q, k, v, dropout_p=0.4, is_causal=True)
    assert half.dtype == torch.bfloat16
    assert torch.dist(half.float(), full) < 0.02 * full.norm()


OBJECTIVE = Objective({"output": Loss("sparse_categorical_crossentropy")}, {})


@pytest.mark.parametrize(
    ("changed", "drawn"), [({}, True), ({"p": 0.0}, False), ({"compile": True}, False)]
)
def test_training_draws_so(
    plain: Callable[..., nn.Module],
    rows: Callable[..., Rows],
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    drawn: bool,
) -> None:
    network = plain()
    network.register_module("drop", nn.Dropout(changed.get("p", 0.5)))
    monkeypatch.setattr(torch, "compile", lambda given: given)
    splits = {"train": rows(20, 0)}
    objectives = Objectives(OBJECTIVE, OBJECTIVE)
    execution = Execution(threads=1, compile=changed.get("compile", False))
    with engine(network, objectives, splits, Training(), execution) as made:
        assert ("drawing" in made.setup.outputs.__qualname__) == drawn
