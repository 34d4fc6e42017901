"""Attention by hand, in the ways that people write it, goes in as one layer and comes out equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tests.backends.torch.brought import climbed_by_itself, comes_out_equal
from torch import Tensor, nn

import trimaran
from trimaran.backends.torch.reading.probing import Trail
from trimaran.errors import ConversionError
from trimaran.spec import layers as L


class Fused(nn.Module):
    """One projection in front, split into three; PyTorch's function, or a mask kept as a buffer."""

    def __init__(self, by_function: bool = True, bias: bool = True, rate: float = 0.2) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(6, 18, bias=bias), nn.Linear(6, 6, bias=bias)
        self.drop, self.after = nn.Dropout(rate), nn.Dropout(rate)
        self.by_function, self.rate = by_function, rate
        if not by_function:
            self.register_buffer("mask", torch.tril(torch.ones(5, 5))[None, None])

    def forward(self, x: Tensor) -> Tensor:
        batch, steps, width = x.size()
        q, k, v = self.inward(x).split(width, dim=2)
        q, k, v = (t.view(batch, steps, 2, width // 2).transpose(1, 2) for t in (q, k, v))
        if self.by_function:
            rate = self.rate if self.training else 0.0
            y = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
            scores.masked_fill_(self.mask[:, :, :steps, :steps] == 0, float("-inf"))
            y = self.drop(F.softmax(scores, dim=-1)) @ v
        return self.after(self.outward(y.transpose(1, 2).contiguous().view(batch, steps, width)))


class Picture(nn.Module):
    """Heads behind an axis of three, queries that are scaled before the product."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.proj = nn.LayerNorm(6), nn.Linear(6, 18), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).reshape(-1, 5, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
        seen = ((q * 3**-0.5) @ k.mT).softmax(dim=-1)
        return x + self.proj((seen @ v).transpose(1, 2).reshape(x.shape))


class Interleaved(nn.Module):
    """Values, queries and keys of a head side by side, and another order behind."""

    def __init__(self) -> None:
        super().__init__()
        self.inward, self.outward = nn.Linear(6, 18), nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        v, q, k = self.inward(x).unflatten(-1, (2, 9)).transpose(1, 2).chunk(3, dim=-1)
        late = torch.ones(5, 5, dtype=torch.bool).tril()
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=late)
        return self.outward(y.permute(0, 2, 3, 1).flatten(2))


class Single(nn.Module):
    """No axis of heads, fewer features inside than outside, and one step sees them all."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(6, 4, bias=False) for _ in range(3))
        self.last = nn.Linear(4, 6, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.matmul(self.q(x), self.k(x).transpose(1, 2)) * 4**-0.5
        return self.last(torch.bmm(torch.softmax(scores, -1), self.v(x)))


class Cross(nn.Module):
    """To another sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(6, 6) for _ in range(4))

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        q, k, v = (
            own(given).reshape(given.shape[0], -1, 3, 2).transpose(1, 2)
            for own, given in ((self.q, x), (self.k, memory), (self.v, memory))
        )
        return self.o(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))


class Language(nn.Module):
    """Blocks behind tokens with places, as small language models have them."""

    def __init__(self, by_function: bool = True) -> None:
        super().__init__()
        self.parts = nn.ModuleDict({"token": nn.Embedding(10, 6), "place": nn.Embedding(8, 6)})
        self.blocks = nn.ModuleList(Fused(by_function) for _ in range(2))
        self.norm, self.head = nn.LayerNorm(6), nn.Linear(6, 10, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.parts["token"](tokens) + self.parts["place"](places)
        for block in self.blocks:
            x = x + block(x)
        return self.head(self.norm(x))


MODULES: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "function": (Fused, (5, 6)),
    "softmax": (lambda: Fused(False, bias=False), (5, 6)),
    "picture": (Picture, (5, 6)),
    "interleaved": (Interleaved, (5, 6)),
    "single": (Single, (5, 6)),
    "cross": (Cross, ((5, 6), (4, 6))),
    "language": (Language, (5,)),
    "language by softmax": (lambda: Language(False), (5,)),
}


@pytest.mark.parametrize("name", MODULES)
def test_attention_by_hand_goes_in_and_comes_out_equal(name: str) -> None:
    comes_out_equal(*MODULES[name])


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("function", {"num_heads": 2, "use_causal_mask": True, "dropout": 0.2}),
        ("softmax", {"num_heads": 2, "use_causal_mask": True, "dropout": 0.2, "use_bias": False}),
        ("picture", {"num_heads": 2, "use_causal_mask": False}),
        ("interleaved", {"num_heads": 2, "use_causal_mask": True, "key_dim": None}),
        ("single", {"num_heads": 1, "key_dim": 4}),
        ("cross", {"num_heads": 3, "use_causal_mask": False}),
    ],
)
def test_it_is_one_layer_with_what_the_code_says(name: str, wanted: dict[str, Any]) -> None:
    make, shape = MODULES[name]
    leaves = trimaran.from_torch(make(), shape).model.leaves
    (found,) = [leaf for leaf in leaves if isinstance(leaf.layer, L.MultiHeadAttention)]
    assert found.path == "attention"
    assert {key: getattr(found.layer, key) for key in wanted} == wanted


@pytest.mark.parametrize("name", ["language", "language by softmax", "interleaved", "single"])
def test_the_code_by_hand_climbs_beside_the_layer(name: str) -> None:
    """The user's own lines run on its side of the ladder, with the ladder's masks."""
    climbed_by_itself(*MODULES[name])


class Given(nn.Module):
    """A mask that comes from outside, to an attention in a module of its own."""

    def __init__(self, mask: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.mask, self.inner, self.head = mask, Masked(), nn.Linear(6, 2)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        return self.head(self.inner(x, self.mask(x, other)) + other)


class Masked(nn.Module):
    """Where the mask is false a key is not seen."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(6, 6) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).mT * 6**-0.5
        return self.o(scores.masked_fill(~mask, -1e9).softmax(-1) @ self.v(x))


def test_a_mask_may_come_from_elsewhere_where_it_is_always_the_same() -> None:
    own = Given(lambda x, other: torch.ones(5, 5, dtype=torch.bool).tril())
    leaves = trimaran.from_torch(own, ((5, 6), (5, 6))).model.leaves
    assert [leaf.layer.use_causal_mask for leaf in leaves if leaf.path == "inner.attention"] == [
        True
    ]


@pytest.mark.parametrize(
    "mask",
    [
        lambda x, other: (other != 0).any(-1)[:, None],
        lambda x, other: ~((x == 1).all(-1)[:, None]),
    ],
)
def test_a_mask_that_follows_the_inputs_is_refused(mask: Any) -> None:
    """The example's rows have no padding, so comparing outputs would not tell."""
    with pytest.raises(ConversionError, match="no layer of a description"):
        trimaran.from_torch(Given(mask), ((5, 6), (5, 6)))


# Refusals -------------------------------------------------------------------------------------


class Odd(nn.Module):
    """An attention of one head, whose scores are what `scores` says."""

    def __init__(self, scores: Callable[[Tensor, Tensor], Tensor], last: bool = False) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(6, 6) for _ in range(3))
        self.scores, self.last = scores, nn.Linear(6, 6, bias=last)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.scores(self.q(x), self.k(x)).softmax(-1) @ self.v(x))


REFUSED: dict[str, nn.Module] = {
    "another scale": Odd(lambda q, k: q @ k.mT / 6, True),
    "normalized": Odd(lambda q, k: F.normalize(q, dim=-1) @ k.mT * 6**-0.5, True),
    "a bias of scores": Odd(lambda q, k: q @ k.mT * 6**-0.5 + torch.arange(5), True),
    "a bias behind": Odd(lambda q, k: q @ k.mT * 6**-0.5),
    "scores read elsewhere": Odd(lambda q, k: (q @ k.mT).masked_fill_(q @ k.mT < 0, 0.0), True),
    "queries reversed": Odd(lambda q, k: q.flip(1) @ k.mT * 6**-0.5, True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_another_attention_is_named(name: str) -> None:
    with pytest.raises(ConversionError, match="no layer of a description|neither empty") as caught:
        trimaran.from_torch(REFUSED[name], (5, 6))
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


# A planted fault ------------------------------------------------------------------------------


def test_heads_in_another_order_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = Trail.part

    def turned(self: Trail, given: Tensor) -> Any:
        found = own(self, given)
        return type(found)(found.projection, found.columns[::-1]) if len(self.parts) == 2 else found

    monkeypatch.setattr(Trail, "part", turned)
    with pytest.raises(ConversionError, match="computes another"):
        trimaran.from_torch(Cross(), ((5, 6), (4, 6)))
