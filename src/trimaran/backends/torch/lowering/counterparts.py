"""NumPy's counterparts of PyTorch's operations, each a rule that adds calls to a program."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scipy.special import expit

from trimaran.backends.torch.lowering import rowwise
from trimaran.backends.torch.lowering.program import Program

Shape = tuple[int, ...]

DTYPES = {
    "Float": np.float32, "Double": np.float64, "Long": np.int64, "Int": np.int32, "Bool": np.bool_,
}  # fmt: skip
"""NumPy's types by PyTorch's words."""


class UnknownError(Exception):
    """The operation has no counterpart here."""


def require(holds: bool) -> None:
    """Raises `UnknownError` where it does not."""
    if not holds:
        raise UnknownError


@dataclass(frozen=True)
class Operation:
    """One operation of the graph.

    given: arrays, numbers, texts, None, and lists of them;  made: sizes of the outputs
    dtype: of the output, in PyTorch's words
    alone: whether nothing else sees the first input
    """

    given: tuple[Any, ...]
    made: tuple[Shape, ...]
    dtype: str
    alone: bool


Rule = Callable[[Program, Operation], Any]


def _call(function: Callable[..., Any], count: int, **required: Any) -> Rule:
    """The function of the first inputs; `required` says which others ("i2") have to be what."""

    def rule(program: Program, op: Operation) -> Any:
        _check(op, required)
        return program.make(function, *_arrays(op.given[:count]))

    return rule


def _arrays(given: tuple[Any, ...]) -> list[np.ndarray]:
    """Numbers as arrays of the type that they take beside the others, so that no step has to find
    it again."""
    return [np.asarray(x, np.result_type(*given)) if np.isscalar(x) else x for x in given]


def _check(op: Operation, required: dict[str, Any]) -> None:
    for key, value in required.items():
        place = int(key[1:])
        require(place >= len(op.given) or op.given[place] == value)


def _relu(program: Program, op: Operation) -> Any:
    zero = np.zeros((), op.given[0].dtype)

    def relu(x: np.ndarray, out: np.ndarray) -> None:
        np.maximum(x, zero, out=out)  # which takes `out` by its name alone

    out: np.ndarray = np.empty(op.given[0].shape, zero.dtype)
    program.do(relu, op.given[0], out)
    return out


def _addcmul(program: Program, op: Operation) -> Any:
    _check(op, {"i3": 1})
    added, *factors = op.given[:3]
    return program.make(np.add, added, program.make(np.multiply, *factors))


def _gelu(program: Program, op: Operation) -> Any:
    _check(op, {"i1": "none"})
    return rowwise.gelu(program, op.given[0])


def _softmax(program: Program, op: Operation) -> Any:
    require(op.given[1] in (-1, op.given[0].ndim - 1))
    return rowwise.softmax(program, op.given[0])


def _one_row(array: np.ndarray) -> None:
    require(math.prod(array.shape[:-1]) == 1)


def _linear(program: Program, op: Operation) -> Any:
    _one_row(op.given[0])
    return rowwise.linear(program, *op.given[:3]).reshape(op.made[0])


def _layer_norm(program: Program, op: Operation) -> Any:
    x, _, weight, bias, epsilon = op.given[:5]
    _one_row(x)
    return rowwise.layer_norm(program, x, weight, bias, epsilon)


def _embedding(program: Program, op: Operation) -> Any:
    table, tokens = op.given[:2]
    return program.make(table.take, tokens, 0)


def _one_hot(program: Program, op: Operation) -> Any:
    classes = np.arange(op.made[0][-1])
    return _as(program, program.make(np.equal, op.given[0][..., None], classes), np.int64)


def _cast(program: Program, op: Operation) -> Any:
    require(op.dtype in DTYPES)
    return _as(program, op.given[0], DTYPES[op.dtype])


def _as(program: Program, array: np.ndarray, dtype: type) -> np.ndarray:
    if array.dtype == dtype:
        return array
    out: np.ndarray = np.empty(array.shape, dtype)
    program.do(np.copyto, out, array, "unsafe")
    return out


def _concatenate(program: Program, op: Operation) -> Any:
    return program.make(np.concatenate, *op.given)


def _roll(program: Program, op: Operation) -> Any:
    array, shifts, axes = op.given
    require(len(shifts) == len(axes) == 1)
    cut = -shifts[0] % array.shape[axes[0]]
    parts = [_along(axes[0], array, slice(cut, None)), _along(axes[0], array, slice(cut))]
    return program.make(np.concatenate, parts, axes[0])


def _along(axis: int, array: np.ndarray, what: Any) -> Any:
    """A part of the array along an axis."""
    return array[(*(slice(None),) * (axis % array.ndim), what)]


def _slice(program: Program, op: Operation) -> Any:
    array, axis, *bounds = op.given
    return _along(axis, array, slice(*bounds))


def _select(program: Program, op: Operation) -> Any:
    array, axis, index = op.given
    return _along(axis, array, slice(index, index + 1)).squeeze(axis)


def _parts(program: Program, op: Operation) -> Any:
    """Of split and chunk: what of the axis is in which part stands in the sizes that were made."""
    array, _, axis = op.given
    bounds = pairwise([0, *accumulate(shape[axis % array.ndim] for shape in op.made)])
    return [_along(axis, array, slice(*ends)) for ends in bounds]


def _put(program: Program, op: Operation) -> Any:
    states, axis, place, row = op.given[:4]
    spread = not any(s for s, n in zip(place.strides, place.shape, strict=True) if n > 1)
    own = any(states is array for array in program.inputs)
    require(own and op.alone and axis == 1 and spread and row.shape[1] == 1)
    program.do(rowwise.put, states, place, row[:, 0])
    return states


def _attention(program: Program, op: Operation) -> Any:
    query, key, value, seen, dropout, causal, scale = op.given[:7]
    require(dropout == 0 and not causal and query.ndim == 4 and len(query) == query.shape[2] == 1)
    require(seen is None or math.prod(seen.shape) == key.shape[2])
    return rowwise.attention(program, (query, key, value), seen, scale)


def _view(function: Callable[..., Any]) -> Rule:
    """A view of the first input by the others."""
    return lambda program, op: function(*op.given)


def _reshape(program: Program, op: Operation) -> Any:
    return program.reshaped(op.given[0], op.made[0])


def _expand(program: Program, op: Operation) -> Any:
    return np.broadcast_to(op.given[0], op.made[0])


RULES: dict[str, Rule] = {
    "prim::ListConstruct": lambda program, op: list(op.given),
    "prim::ListUnpack": lambda program, op: op.given[0],
    "aten::add": _call(np.add, 2, i2=1),
    "aten::sub": _call(np.subtract, 2, i2=1),
    "aten::mul": _call(np.multiply, 2),
    "aten::remainder": _call(np.remainder, 2),
    "aten::neg": _call(np.negative, 1),
    "aten::addcmul": _addcmul,
    "aten::le": _call(np.less_equal, 2),
    "aten::cos": _call(np.cos, 1),
    "aten::sin": _call(np.sin, 1),
    "aten::tanh": _call(np.tanh, 1),
    "aten::sigmoid": _call(expit, 1),
    "aten::relu": _relu,
    "aten::gelu": _gelu,
    "aten::softmax": _softmax,
    "aten::linear": _linear,
    "aten::layer_norm": _layer_norm,
    "aten::embedding": _embedding,
    "aten::one_hot": _one_hot,
    "aten::roll": _roll,
    "aten::scaled_dot_product_attention": _attention,
    "aten::scatter": _put,
    "aten::cat": _concatenate,
    "aten::transpose": _view(np.swapaxes),
    "aten::expand": _expand,
    "aten::to": _cast,
    "aten::slice": _slice,
    "aten::select": _select,
    "aten::split_with_sizes": _parts,
    "aten::chunk": _parts,
    "aten::unsafe_chunk": _parts,
    "aten::unflatten": _reshape,
    "aten::flatten": _reshape,
    "aten::reshape": _reshape,
    "aten::unsqueeze": _reshape,
}
