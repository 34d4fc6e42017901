"""A traced step written out for NumPy, which begins an operation in a fraction of PyTorch's time.

A step of one row is hundreds of operations on some hundred numbers each. PyTorch takes four or five
microseconds for any of them, NumPy a half or one. So the graph of the trace becomes a Python
function over arrays, a line for each operation, with the sizes of the trace as numbers in it. A
graph with an operation that has no line here stays with PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from trimaran.backends.torch.lowering import rowwise
from trimaran.backends.torch.lowering.counterparts import (
    LINES,
    Operation,
    Shape,
    UnknownError,
    listed,
)

Step = Callable[..., tuple[np.ndarray, ...]]


def lowered(graph: Any) -> Step | None:
    """The graph, a `torch._C.Graph` without calls, as a function of arrays of the traced sizes;
    None where it cannot be written for NumPy.

    The function writes a step's keys and values into the arrays that it is given.
    """
    try:
        lines, constants = _written(graph)
    except UnknownError:
        return None
    names = ", ".join(map(_name, graph.inputs()))
    source = "\n    ".join([f"def step({names}):", *lines])
    space: dict[str, Any] = {"np": np, "rowwise": rowwise, **constants}
    exec(compile(source, "<traced step>", "exec"), space)
    return _on_one_thread(space["step"])


def _on_one_thread(step: Step) -> Step:
    """Products of one row are done before a second thread has heard of them."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers

    def taken(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        kept = [library.get_num_threads() for library in libraries]
        for library in libraries:
            library.set_num_threads(1)
        try:
            return step(*map(np.asarray, arrays))
        finally:
            for library, threads in zip(libraries, kept, strict=True):
                library.set_num_threads(threads)

    return taken


def _written(graph: Any) -> tuple[list[str], dict[str, Any]]:
    """A line for each operation, and the constant arrays that they name."""
    lines, arrays = list[str](), dict[str, Any]()
    for node in graph.nodes():
        kind = node.kind()
        if kind == "prim::Constant":
            value = node.output().toIValue()
            if _is_tensor(node.output()):
                array = np.asarray(value, order="C")
                # A number in an array of no axes would decide the type of what it meets.
                arrays[_name(node.output())] = array if array.ndim else array.item()
        elif kind == "prim::TupleConstruct":
            lines.append(f"return {listed(_sources(node))}")
        elif kind.rstrip("_") not in LINES:
            raise UnknownError
        else:
            targets = listed(tuple(map(_name, node.outputs())))
            source = LINES[kind.rstrip("_")](_operation(node))
            lines.append(f"{targets[1:-2] if node.outputsSize() == 1 else targets} = {source}")
    return lines, arrays


def _operation(node: Any) -> Operation:
    """What a line needs to know."""
    inputs = list(node.inputs())
    if node.kind().endswith("_") and not _alone(inputs[0]):
        raise UnknownError  # another operation would see what this one writes
    makes = list(node.outputs())
    if makes[0].type().kind() == "ListType" and node.kind() != "prim::ListConstruct":
        makes = list(makes[0].uses()[0].user.outputs())
    made = tuple(_sizes(value) for value in makes)
    if any(_is_tensor(value) and not sizes for value, sizes in zip(makes, made, strict=True)):
        raise UnknownError  # as above, of one that is no constant
    return Operation(
        _sources(node),
        tuple(_constant(value) for value in inputs),
        tuple(_sizes(value) for value in inputs),
        made,
        str(makes[0].type().scalarType()) if _is_tensor(makes[0]) else "",
        tuple(_spread(value) for value in inputs),
    )


def _alone(value: Any) -> bool:
    """Whether nothing but the operation that writes over the value sees its memory."""
    kind = value.node().kind()
    if kind == "prim::ListUnpack":
        kind = value.node().inputsAt(0).node().kind()
    return kind in _FRESH and len(list(value.uses())) == 1


def _name(value: Any) -> str:
    return f"v{value.unique()}"


def _sources(node: Any) -> tuple[str, ...]:
    """The inputs: numbers as they are, all else by name."""
    return tuple(
        repr(_constant(value)) if _is_number(value) else _name(value) for value in node.inputs()
    )


def _is_tensor(value: Any) -> bool:
    found: bool = value.type().kind() == "TensorType"
    return found


def _is_number(value: Any) -> bool:
    """Whether it is a constant that is no tensor: a number, a text, None or a list of them."""
    found: bool = value.node().kind() == "prim::Constant" and not _is_tensor(value)
    return found


def _constant(value: Any) -> Any:
    found = value.toIValue() if _is_number(value) else None
    if isinstance(found, float) and not math.isfinite(found):
        raise UnknownError  # Python has no word for it
    return found


def _sizes(value: Any) -> Shape:
    if not _is_tensor(value):
        return ()
    sizes = value.type().sizes()
    if sizes is None:
        raise UnknownError
    return tuple(sizes)


def _spread(value: Any) -> bool:
    node = value.node()
    return node.kind() == "aten::expand" and math.prod(_sizes(node.inputsAt(0))) == 1


_FRESH = {
    "aten::linear", "aten::add", "aten::sub", "aten::mul", "aten::sigmoid", "aten::tanh",
    "aten::add_", "aten::sub_", "aten::mul_", "aten::sigmoid_", "aten::tanh_", "aten::unsafe_chunk",
}  # fmt: skip
"""What makes memory of its own; the parts of an `unsafe_chunk` are said to be."""
