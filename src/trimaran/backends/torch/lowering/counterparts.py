"""NumPy's counterparts of PyTorch's operations, each as an expression in Python's source."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

Shape = tuple[int, ...]


class UnknownError(Exception):
    """The operation has no counterpart here."""


@dataclass(frozen=True)
class Operation:
    """One operation of the graph.

    inputs: as Python source;  constants: the values of those that are constant numbers, else None
    shapes: sizes of the inputs, () of what is no tensor;  made: sizes of the outputs
    dtype: of the output, in PyTorch's words
    spread: whether each input is one number, repeated
    """

    inputs: tuple[str, ...]
    constants: tuple[Any, ...]
    shapes: tuple[Shape, ...]
    made: tuple[Shape, ...]
    dtype: str
    spread: tuple[bool, ...]

    def require(self, holds: bool) -> None:
        if not holds:
            raise UnknownError


Line = Callable[[Operation], str]


def listed(sources: tuple[str, ...]) -> str:
    """A tuple of these expressions."""
    return "(" + "".join(f"{source}, " for source in sources).rstrip(" ") + ")"


def _pattern(text: str, **required: Any) -> Line:
    """A line by its pattern; `required` says which inputs ("i2") have to be what."""

    def line(op: Operation) -> str:
        for key, value in required.items():
            place = int(key[1:])
            op.require(place >= len(op.constants) or op.constants[place] == value)
        return text.format(*op.inputs, made=op.made[0])

    return line


def _rows(text: str, **required: Any) -> Line:
    """The same where the first input is one row."""

    def line(op: Operation) -> str:
        op.require(math.prod(op.shapes[0][:-1]) == 1)
        return _pattern(text, **required)(op)

    return line


def _last(text: str) -> Line:
    """The same where input 1 says the last axis."""

    def line(op: Operation) -> str:
        op.require(op.constants[1] in (-1, len(op.shapes[0]) - 1))
        return _pattern(text)(op)

    return line


def _cast(op: Operation) -> str:
    dtypes = {"Float": "float32", "Double": "float64", "Long": "int64", "Int": "int32"}
    op.require(op.dtype in dtypes)
    return f"{op.inputs[0]}.astype(np.{dtypes[op.dtype]}, copy=False)"


def _slice(op: Operation) -> str:
    axis, start, end, stride = op.constants[1:]
    whole = "slice(None), " * (axis % len(op.shapes[0]))
    return f"{op.inputs[0]}[{whole}slice({start}, {end}, {stride})]"


def _select(op: Operation) -> str:
    axis, index = op.constants[1:]
    return f"{op.inputs[0]}[{'slice(None), ' * (axis % len(op.shapes[0]))}{index}]"


def _parts(op: Operation) -> str:
    """Of split and chunk: what of the axis is in which part stands in the sizes that were made."""
    axis = op.constants[2] % len(op.shapes[0])
    bounds = pairwise([0, *accumulate(shape[axis] for shape in op.made)])
    whole = "slice(None), " * axis
    return listed(tuple(f"{op.inputs[0]}[{whole}slice({a}, {b})]" for a, b in bounds))


def _put(op: Operation) -> str:
    op.require(op.constants[1] == 1 and op.spread[2] and op.shapes[3][1] == 1)
    return "rowwise.put({}, {}, {})".format(op.inputs[0], *op.inputs[2:])


def _attention(op: Operation) -> str:
    dropout, causal, scale = op.constants[4:7]
    op.require(dropout == 0 and not causal and op.shapes[0][2] == 1)
    return f"rowwise.attention({', '.join(op.inputs[:4])}, {scale!r})"


_RESHAPED = _pattern("{0}.reshape({made})")

LINES: dict[str, Line] = {
    "prim::ListConstruct": lambda op: listed(op.inputs),
    "prim::ListUnpack": _pattern("{0}"),
    "aten::add": _pattern("{0} + {1}", i2=1),
    "aten::sub": _pattern("{0} - {1}", i2=1),
    "aten::mul": _pattern("{0} * {1}"),
    "aten::neg": _pattern("-{0}"),
    "aten::addcmul": _pattern("{0} + {1} * {2}", i3=1),
    "aten::le": _pattern("{0} <= {1}"),
    "aten::cos": _pattern("np.cos({0})"),
    "aten::sin": _pattern("np.sin({0})"),
    "aten::tanh": _pattern("np.tanh({0})"),
    "aten::sigmoid": _pattern("rowwise.sigmoid({0})"),
    "aten::relu": _pattern("np.maximum({0}, 0)"),
    "aten::gelu": _pattern("rowwise.gelu({0})", i1="none"),
    "aten::softmax": _last("rowwise.softmax({0})"),
    "aten::linear": _rows("rowwise.linear({0}, {1}, {2}, {made})"),
    "aten::layer_norm": _rows("rowwise.layer_norm({0}, {2}, {3}, {4})"),
    "aten::embedding": _pattern("{0}.take({1}, 0)"),
    "aten::one_hot": _pattern("({0}[..., None] == np.arange({made}[-1])).astype(np.int64)"),
    "aten::scaled_dot_product_attention": _attention,
    "aten::scatter": _put,
    "aten::cat": _pattern("np.concatenate({0}, {1})"),
    "aten::transpose": _pattern("{0}.swapaxes({1}, {2})"),
    "aten::expand": _pattern("np.broadcast_to({0}, {made})"),
    "aten::to": _cast,
    "aten::slice": _slice,
    "aten::select": _select,
    "aten::split_with_sizes": _parts,
    "aten::chunk": _parts,
    "aten::unsafe_chunk": _parts,
    "aten::unflatten": _RESHAPED,
    "aten::flatten": _RESHAPED,
    "aten::reshape": _RESHAPED,
    "aten::unsqueeze": _RESHAPED,
}
