"""What a module does that computes attention by hand, found by numbered entries.

People write the same attention in many ways: three projections or one, views, chunks, splits and
transposes in any order, PyTorch's function or a softmax between two products. So the code is not
matched. The module runs once with projections that give each entry a number of its own; which
numbers then arrive where shows the heads, and which outputs of which projection they take.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from trimaran.backends.torch.dropping import attention_arguments
from trimaran.backends.torch.reading.attention import seen_of

SOFTMAX = (torch.softmax, F.softmax, Tensor.softmax)
MATMUL = (torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm)
DROPOUT = (F.dropout, torch.dropout)
# What is added to a score in place of minus infinity.
_NEVER = -1e4


class Unlike(Exception):
    """The module computes something else than attention with a projection before and behind."""


@dataclass(frozen=True)
class Part:
    """Queries, keys or values: of which projection, and its outputs in the order of the heads."""

    projection: str
    columns: tuple[int, ...]


@dataclass(frozen=True)
class Handmade:
    """An attention by hand. `parts` are queries, keys and values, `output` the projection behind
    them with its inputs in the order of the heads; `seen` as `attention.seen_of` says it."""

    heads: int
    parts: tuple[Part, Part, Part]
    output: Part
    seen: str
    rate: float


@dataclass
class Trail:
    """The run so far: what each projection took, and what the attention was seen to take.

    width: of the widest projection;  order: their names
    size: of a head;  scaled: whether the queries were, before the product with the keys
    sizes: heads, steps of the queries, size
    """

    width: int
    order: list[str]
    took: dict[str, Tensor] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    size: int = 0
    scaled: bool = False
    sizes: tuple[int, int, int] = (0, 0, 0)
    seen: str = ""
    rate: float = 0.0
    output: Part | None = None

    def number(self, name: str, like: Tensor, columns: int) -> Tensor:
        """What a projection gives that is called for the first time: entry (row, step, column) is
        ((place * rows + row) * steps + step) * width + column."""
        if name in self.took or like.dim() != 3:
            raise Unlike
        self.took[name] = like
        rows, steps = like.shape[:2]
        first = self.order.index(name) * rows * steps * self.width
        return (first + _numbers(rows, steps, self.width))[:, :, :columns].clone()

    def part(self, given: Tensor) -> Part:
        """Whose outputs these are: (row, head, step, feature), or without heads."""
        heads = given.unsqueeze(1) if given.dim() == 3 else given
        if heads.dim() != 4:
            raise Unlike
        whole = heads.round()
        if not torch.equal(whole, heads):
            raise Unlike
        rows, _, steps, _ = heads.shape
        columns, above = whole.long() % self.width, whole.long() // self.width
        step, row = above % steps, above // steps
        first = int(row[0, 0, 0, 0])
        _hold(step, torch.arange(steps).reshape(1, 1, steps, 1))
        _hold(row, torch.arange(rows).reshape(rows, 1, 1, 1) + first)
        _hold(columns, columns[:1, :, :1])
        if first % rows or not 0 <= first // rows < len(self.order):
            raise Unlike
        return Part(self.order[first // rows], tuple(columns[0, :, 0].flatten().tolist()))


def _numbers(*shape: int) -> Tensor:
    return torch.arange(math.prod(shape), dtype=torch.float64).reshape(shape)


def _hold(found: Tensor, wanted: Tensor) -> None:
    if not torch.equal(found, wanted.expand_as(found)):
        raise Unlike


class Probe(TorchFunctionMode):
    """While entered, functions that make up an attention give numbers, and tell the trail."""

    def __init__(self, trail: Trail) -> None:
        super().__init__()
        self.trail = trail

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        if func is F.scaled_dot_product_attention:
            return self._function(attention_arguments(args, given))
        if func in MATMUL:
            return self._product(func, *args)
        if func in SOFTMAX and self.trail.parts:
            return self._softmax(args[0])
        if func in DROPOUT and self.trail.seen and len(self.trail.parts) == 2:
            self.trail.rate = float(args[1] if len(args) > 1 else given.get("p", 0.5))
            return args[0]
        return func(*args, **given)

    def _function(self, given: Mapping[str, Any]) -> Tensor:
        trail, query = self.trail, given["query"]
        if trail.parts:
            raise Unlike
        usual = given.get("scale") in (None, query.shape[-1] ** -0.5)
        if not usual or given.get("enable_gqa"):
            raise Unlike
        mask = given.get("attn_mask")
        mask = mask if mask is None or mask.dtype != torch.bool else ~mask
        trail.seen = "causal" if given.get("is_causal") else _seen(mask)
        trail.rate = float(given.get("dropout_p", 0.0))
        trail.parts = [trail.part(given[name]) for name in ("query", "key")]
        return self._values(given["value"])

    def _product(self, func: Any, a: Tensor, b: Tensor) -> Tensor:
        """Of queries and keys, or of the softmax and values."""
        trail = self.trail
        if trail.output is not None or len(trail.parts) > 2:
            made: Tensor = func(a, b)
            return made
        if trail.parts:
            if not trail.seen:
                raise Unlike
            return self._values(b)
        size = a.shape[-1] ** -0.5
        for factor in (1.0, size):  # people scale the scores, or the queries
            try:
                parts = [trail.part(_divided(a, factor)), trail.part(b.mT)]
            except Unlike:
                continue
            trail.parts, trail.scaled = parts, factor != 1.0
            trail.size = int(a.shape[-1])
            return torch.ones(*a.shape[:-1], b.shape[-1], dtype=a.dtype)
        raise Unlike

    def _softmax(self, scores: Tensor) -> Tensor:
        """Scores of one each, scaled and masked, show by what."""
        late = scores <= _NEVER
        kept = scores[~late]
        wanted = torch.full_like(kept, 1.0 if self.trail.scaled else self.trail.size**-0.5)
        if not torch.allclose(kept, wanted, rtol=1e-6, atol=0):
            raise Unlike
        same = late.reshape(-1, *late.shape[-2:])
        self.trail.seen = _seen(same[0]) if bool((same == same[:1]).all()) else "some"
        return torch.zeros_like(scores)

    def _values(self, value: Tensor) -> Tensor:
        """What comes out of the attention, numbered anew."""
        trail = self.trail
        trail.parts.append(trail.part(value))
        heads = 1 if value.dim() == 3 else int(value.shape[1])
        steps = int(trail.took[trail.parts[0].projection].shape[1])
        trail.sizes = (heads, steps, int(value.shape[-1]))
        made = _numbers(len(value), *trail.sizes)
        return made[:, 0] if value.dim() == 3 else made


def _divided(a: Tensor, factor: float) -> Tensor:
    """The numbers before they were scaled."""
    if factor == 1.0:
        return a
    whole = (a / factor).round()
    return whole if torch.allclose(whole * factor, a, rtol=1e-9, atol=0) else a


def _seen(mask: Tensor | None) -> str:
    """Which keys a mask leaves whose entries are true, or very low, where a key is left out."""
    if mask is None:
        return "all"
    if mask.dtype != torch.bool:
        if bool((mask[mask > _NEVER] != 0).any()):
            return "some"
        mask = mask <= _NEVER
    while mask.dim() > 2 and len(mask) == 1:
        mask = mask[0]
    return seen_of(mask, None)


def probe(owner: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Handmade:
    """What the module does with these inputs; it must be a copy, which is left spoilt.

    Raises `Unlike` where it is no attention between projections of its own.
    """
    linear = {name: m for name, m in owner.named_children() if type(m) is nn.Linear}
    widest = max((m.out_features for m in linear.values()), default=1)
    trail = Trail(widest, list(linear))
    for name, layer in linear.items():
        layer.forward = _numbering(trail, name, layer)  # type: ignore[method-assign]
    try:
        with torch.no_grad(), Probe(trail):
            owner(*args, **kwargs)
    except Exception:  # numbers of float64 can be more than the user's code takes
        raise Unlike from None
    return _told(trail)


def _numbering(trail: Trail, name: str, layer: Any) -> Any:
    def forward(given: Tensor) -> Tensor:
        if len(trail.parts) < 3:
            return trail.number(name, given, layer.out_features)
        if trail.output is None:
            trail.output = Part(name, _inputs(given, trail.sizes))
        elif name == trail.output.projection or name in trail.took:
            raise Unlike
        return torch.zeros(*given.shape[:-1], layer.out_features, dtype=given.dtype)

    return forward


def _inputs(given: Tensor, sizes: tuple[int, int, int]) -> tuple[int, ...]:
    """Where each number of (row, head, step, feature) stands in (row, step, input): the inputs in
    the order of the heads."""
    heads, steps, size = sizes
    if given.dim() != 3 or tuple(given.shape[1:]) != (steps, heads * size):
        raise Unlike
    numbers = given.long()
    row, head = numbers // (heads * steps * size), numbers // (steps * size) % heads
    step, place = numbers // size % steps, numbers % size
    _hold(row, torch.arange(len(given)).reshape(-1, 1, 1))
    _hold(step, torch.arange(steps).reshape(1, -1, 1))
    _hold(head * size + place, (head * size + place)[:1, :1])
    found = (head * size + place)[0, 0]
    return tuple(found.argsort().tolist())


def _told(trail: Trail) -> Handmade:
    if len(trail.parts) != 3 or trail.output is None or not trail.seen:
        raise Unlike
    query, key, value = trail.parts
    took = [trail.took[part.projection] for part in (query, key, value)]
    if took[1] is not took[2] or trail.output.projection in trail.took:
        raise Unlike
    return Handmade(trail.sizes[0], (query, key, value), trail.output, trail.seen, trail.rate)
