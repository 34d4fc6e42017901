"""How a call goes on over padded sequences: who is told which steps hold data, who is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from trimaran.errors import DescriptionError
from trimaran.spec.layer import Layer, Tensor
from trimaran.spec.layers.attention import MultiHeadAttention
from trimaran.spec.layers.embedding import Embedding
from trimaran.spec.layers.steps import STEPS, MaskSteps

if TYPE_CHECKING:
    from trimaran.spec.graph import Leaf
    from trimaran.spec.model import Model


@dataclass(frozen=True)
class Padding:
    """A call as it is recorded: the layer, its inputs, and the steps of its output, if padded."""

    layer: Layer
    inputs: tuple[Any, ...]
    valid: Any = None


def over_padding(layer: Layer, symbols: tuple[Any, ...], path: Callable[[], str]) -> Padding:
    """The call with what the layer must know of the padding.

    Raises `DescriptionError` where the layer would mix data with padding.
    """
    found = steps_of(symbols)
    if not found:
        counts = isinstance(layer, Embedding) and layer.mask_zero
        return Padding(layer, symbols, symbols[0] if counts else None)
    rule = layer.over_padding()
    if rule is not None and rule.apart:
        return _apart(layer, symbols)
    if rule is None or len(found) > 1:
        raise _refused(f"{path()} ({type(layer).__name__})", len(found) > 1)
    (valid,) = found
    if rule.zeros:
        symbols = tuple(s if s.valid is None else MaskSteps()(s, valid) for s in symbols)
    if rule.takes and not layer.masked:  # type: ignore[attr-defined]
        layer, symbols = replace(layer, masked=True), (*symbols, valid)  # type: ignore[call-arg]
    return Padding(layer, symbols, valid if rule.keeps else None)


def _apart(layer: Layer, symbols: tuple[Any, ...]) -> Padding:
    """Attention of one sequence, or to another one, either of which may be padded."""
    assert isinstance(layer, MultiHeadAttention)
    given = [symbol.valid for symbol in symbols[:2]]
    given += [None] * (2 - len(given))
    if layer.told or layer.cached:
        return Padding(layer, symbols, given[0])
    told = replace(layer, masked=given[0] is not None, memory_masked=given[1] is not None)
    steps = tuple(valid for valid in given if valid is not None)
    return Padding(told, (*symbols, *steps), given[0])


def steps_of(symbols: Sequence[Any]) -> list[Any]:
    """What says which steps of these tensors hold data, each once."""
    return list({id(s.valid): s.valid for s in symbols if s.valid is not None}.values())


def _refused(where: str, several: bool) -> DescriptionError:
    if several:
        return DescriptionError(
            f"{where}: expected sequences of the same rows, got two kinds of padding; pool one of "
            "them before they meet."
        )
    return DescriptionError(
        f"{where}: expected a sequence without padding, got rows that are padded, which it would "
        "mix with data; end the sequence first by a recurrent layer or a global pooling."
    )


class Masking:
    """Says which steps of a sequence hold data: `x = Masking()(x, steps)`.

    `steps` is an input of int32: the number of each row's steps, shape (), or a mark for each
    step, shape (time,), that is 0 in the padding behind them (see `spec.layers.steps`).
    """

    def __call__(self, x: Any, steps: Any) -> Any:
        if not (isinstance(x, Tensor) and isinstance(steps, Tensor)):
            raise DescriptionError("Masking: expected two symbolic tensors; start from Input().")
        sizes: Any = getattr(steps, "shape", None)
        if getattr(steps, "dtype", None) != STEPS or sizes not in ((), tuple(x.shape[:1])):  # type: ignore[attr-defined]
            raise DescriptionError(
                f"Masking: expected {STEPS} steps of shape () or {x.shape[:1]}, got {sizes}; "  # type: ignore[attr-defined]
                'use Input((), dtype="int32") for their number.'
            )
        return replace(x, valid=steps, root=getattr(x, "root", None) or x)  # type: ignore[type-var]


def leaves_padding_out(model: Model, value: int) -> bool:
    """Whether an input's padding, 0 behind each row's last step, changes no answer, so that it may
    be cut off: its time is open, and who reads it looks numbers up for layers that are masked."""
    port = model.inputs[value]
    readers = [leaf for leaf in model.leaves if value in leaf.inputs]
    return bool(readers) and port.shape == (None,) and all(_masks(leaf, value) for leaf in readers)


def _masks(leaf: Leaf, value: int) -> bool:
    if isinstance(leaf.layer, Embedding):
        return leaf.layer.mask_zero
    return leaf.inputs.count(value) == [told for told, _ in told_by(leaf)].count(value)


def told_by(leaf: Leaf) -> list[tuple[int, int]]:
    """Each value that tells a layer which steps hold data, with the place of the input whose steps
    they are."""
    layer, kinds = leaf.layer, leaf.layer.kinds(len(leaf.inputs))
    if isinstance(layer, MultiHeadAttention):
        return list(zip(leaf.inputs[len(kinds) - len(layer.told) :], layer.told, strict=True))
    return [(leaf.inputs[-1], 0)] if len(kinds) > 1 and kinds[-1] == STEPS else []


__all__ = ["Masking", "Padding", "leaves_padding_out", "over_padding", "steps_of", "told_by"]
