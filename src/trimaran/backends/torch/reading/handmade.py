"""Attention that a module computes by hand, as the one layer that it is.

On the copy that is read its projections become the arrays of one layer, `attention`, with the names
and layouts of nn.MultiheadAttention. The module's own code stays what runs: it finds in their place
what projects by those arrays, and torch.export alone meets one operation behind them. What it did
between is then read by nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from trimaran.backends.torch.reading.attention import arrays_of, operation
from trimaran.backends.torch.reading.example import Example, run
from trimaran.backends.torch.reading.probing import SOFTMAX, Handmade, Part, Unlike, probe
from trimaran.errors import ConversionError


@dataclass(frozen=True)
class Called:
    """A module in whose own code a softmax or PyTorch's function of attention stands, and what it
    was called with."""

    module: nn.Module
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


class _Watch(TorchFunctionMode):
    """While entered, remembers who calls these functions; `stack` are the calls under way."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[Called] = []
        self.found: dict[int, Called] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        # Scores have axes of queries and of keys; the softmax that ends a classifier has one.
        scores = func in SOFTMAX and bool(args) and args[0].dim() > 2
        if self.stack and (func is F.scaled_dot_product_attention or scores):
            self.found.setdefault(id(self.stack[-1].module), self.stack[-1])
        return func(*args, **(kwargs or {}))


def callers(module: nn.Module, example: Example) -> list[Called]:
    """Modules of the user's own that may compute attention by hand."""
    if not any(map(_may_be, module.modules())):
        return []
    watch = _Watch()
    with _stacked(module, watch), watch:
        run(module, example)
    return [called for called in watch.found.values() if _may_be(called.module)]


@contextmanager
def _stacked(module: nn.Module, watch: _Watch) -> Iterator[None]:
    def enter(inner: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        watch.stack.append(Called(inner, args, kwargs))

    def leave(inner: nn.Module, args: Any, made: Any) -> None:
        watch.stack.pop()

    hooks = []
    for inner in module.modules():
        hooks.append(inner.register_forward_pre_hook(enter, with_kwargs=True))
        hooks.append(inner.register_forward_hook(leave))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _may_be(module: nn.Module) -> bool:
    projections = sum(type(inner) is nn.Linear for inner in module.children())
    return projections > 1 and not type(module).__module__.startswith("torch.")


def opened_attention(module: nn.Module, example: Example) -> None:
    """Change the module, in place, wherever attention by hand is found in it."""
    first = callers(module, example)
    others = _elsewhere(module, example) if first else []
    for called in first:
        calls = [other for other in others if other.module is called.module]
        try:
            found = _probed(called)
            if len(calls) < len(_FILLS) or any(_probed(other) != found for other in calls):
                raise Unlike
            _install(called.module, found)
        except Unlike:
            continue  # reading tells what it does not know


# A mask that follows the inputs, as of padding, is told by inputs that are all alike.
_FILLS = (0, 1)


def _elsewhere(module: nn.Module, example: Example) -> list[Called]:
    filled = (
        Example(tuple(torch.full_like(tensor, value) for tensor in example.tensors))
        for value in _FILLS
    )
    try:
        return [called for each in filled for called in callers(module, each)]
    except ConversionError:  # it does not take such inputs
        return []


def _probed(called: Called) -> Handmade:
    own = copy.deepcopy(called.module).double().train()
    args = [_double(given) for given in called.args]
    return probe(own, args, {name: _double(given) for name, given in called.kwargs.items()})


def _double(given: Any) -> Any:
    floats = isinstance(given, Tensor) and given.is_floating_point()
    return given.double() if floats else given


class Projected(nn.Module):
    """The arrays, and what the projections of the module's code and of torch.export make of them.

    It is called by nothing: `Before` and `Behind` stand where the module had its projections.
    """

    in_proj_bias: nn.Parameter | None

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor], last: nn.Linear):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.cat(list(weights)))
        self.in_proj_bias = nn.Parameter(torch.cat(list(biases))) if biases else None
        self.out_proj = last

    def part(self, given: Tensor, place: int) -> Tensor:
        """Queries, keys or values of it, heads in order. A key's bias changes nothing, and is not
        trained."""
        bias = None if self.in_proj_bias is None else self.in_proj_bias.chunk(3)[place]
        return F.linear(given, self.in_proj_weight.chunk(3)[place], None if place == 1 else bias)


@dataclass
class Before:
    """A projection in front: `places` of what it makes, `order` brings them to its own outputs."""

    layer: Projected
    places: tuple[int, ...]
    order: tuple[int, ...]
    given: dict[int, Tensor]

    def __call__(self, given: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            self.given.update(dict.fromkeys(self.places, given))
        made = [self.layer.part(given, place) for place in self.places]
        return _ordered(torch.cat(made, -1) if len(made) > 1 else made[0], self.order)


@dataclass
class Behind:
    """The projection behind: where torch.export looks, the attention with all its projections."""

    layer: Projected
    found: Handmade
    given: dict[int, Tensor]

    def __call__(self, joined: Tensor) -> Tensor:
        last, found = self.layer.out_proj, self.found
        if not torch.compiler.is_exporting():
            return F.linear(_ordered(joined, found.output.columns), last.weight, last.bias)
        inputs = [self.given[place] for place in range(3)]
        self.given.clear()
        arrays = arrays_of(self.layer)
        made: Tensor = operation(*inputs, arrays, found.heads, found.rate, found.seen)
        return made


def _ordered(given: Tensor, order: Sequence[int]) -> Tensor:
    return given if list(order) == list(range(len(order))) else given[..., list(order)]


def _install(owner: nn.Module, found: Handmade) -> None:
    """Raises `Unlike` where the layer of a description could not do it."""
    last: Any = owner.get_submodule(found.output.projection)
    linear: dict[str, Any] = {p.projection: owner.get_submodule(p.projection) for p in found.parts}
    features = {layer.in_features for layer in linear.values()} | {last.out_features}
    biased = {layer.bias is not None for layer in (*linear.values(), last)}
    orders = {name: _order(name, linear[name], found.parts) for name in linear}
    widths = {len(part.columns) for part in (*found.parts, found.output)}
    if len(features) > 1 or len(biased) > 1 or len(widths) > 1:
        raise Unlike
    with torch.no_grad():
        weights = [linear[p.projection].weight[list(p.columns)] for p in found.parts]
        biases = [
            linear[p.projection].bias[list(p.columns)] for p in found.parts if biased == {True}
        ]
        last.weight.copy_(last.weight[:, list(found.output.columns)])
    layer, given = Projected(weights, biases, last), dict[int, Tensor]()
    for name in (*linear, found.output.projection):
        del owner._modules[name]
    # Not as modules: their arrays are the layer's.
    owner.__dict__.update({name: Before(layer, *orders[name], given) for name in linear})
    owner.__dict__[found.output.projection] = Behind(layer, found, given)
    name = "attention"
    while hasattr(owner, name):
        name += "_"
    owner.add_module(name, layer)
    owner._non_persistent_buffers_set.update(owner._buffers)  # masks, which the layer has by itself


def _order(
    name: str, own: nn.Linear, parts: Sequence[Part]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Which of queries, keys and values a projection makes, and the order that brings them, one
    behind another, to its own outputs."""
    places = tuple(place for place, part in enumerate(parts) if part.projection == name)
    columns = [column for place in places for column in parts[place].columns]
    if sorted(columns) != list(range(own.out_features)):
        raise Unlike
    return places, tuple(sorted(range(len(columns)), key=columns.__getitem__))
