"""A traced step as a program of NumPy, which begins an operation in a fraction of PyTorch's time.

A step of one row is hundreds of operations on some hundred numbers each. PyTorch takes four or five
microseconds for any of them, NumPy a half or one. So the graph of the trace is read once, and each
of its operations becomes calls of NumPy, with the sizes of the trace as numbers in them, or a view
that is made once for all steps. A graph with an operation that has no rule here stays with PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from trimaran.backends.torch.lowering.counterparts import (
    DTYPES,
    RULES,
    Operation,
    Shape,
    UnknownError,
    require,
)
from trimaran.backends.torch.lowering.program import Program

Step = Callable[..., tuple[np.ndarray, ...]]
Values = dict[int, Any]
"""What the graph's values are in the program."""


def lowered(graph: Any) -> Step | None:
    """The graph, a `torch._C.Graph` without calls, as a function of arrays of the traced sizes;
    None where NumPy has no counterpart of an operation.

    What the function returns is its own memory, which the next step writes over. It takes what it
    returned without a copy.
    """
    try:
        program = Program([_memory(value) for value in graph.inputs()])
        made = _outputs(graph, program)
    except UnknownError:
        return None
    return _on_one_thread(program, made)


def _memory(value: Any) -> np.ndarray:
    return np.zeros(_sizes(value), _dtype(value))


def _on_one_thread(program: Program, made: tuple[np.ndarray, ...]) -> Step:
    """Products of one row are done before a second thread has heard of them."""
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers

    def taken(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        kept = [library.get_num_threads() for library in libraries]
        for library in libraries:
            library.set_num_threads(1)
        try:
            program.run(arrays)
        finally:
            for library, threads in zip(libraries, kept, strict=True):
                library.set_num_threads(threads)
        return made

    return taken


def _outputs(graph: Any, program: Program) -> tuple[np.ndarray, ...]:
    """The arrays that hold the graph's outputs once the program, which is written here, ran."""
    values: Values = {
        value.unique(): array for value, array in zip(graph.inputs(), program.inputs, strict=True)
    }
    for node in graph.nodes():
        kind = node.kind()
        if kind == "prim::Constant":
            values[node.output().unique()] = _constant(node.output())
        elif kind == "prim::TupleConstruct":
            return tuple(values[value.unique()] for value in node.inputs())
        else:
            require(kind.rstrip("_") in RULES)
            found = RULES[kind.rstrip("_")](program, _operation(node, values))
            _keep(node, found, values)
    raise UnknownError


def _keep(node: Any, found: Any, values: Values) -> None:
    """Each value of the operation, if it is what PyTorch makes."""
    several = node.kind() == "prim::ListUnpack"
    outputs = zip(node.outputs(), found if several else [found], strict=True)
    for value, array in outputs:
        if _is_tensor(value):
            require(array.shape == _sizes(value) and array.dtype == _dtype(value))
        values[value.unique()] = array


def _operation(node: Any, values: Values) -> Operation:
    """What a rule needs to know."""
    inputs = list(node.inputs())
    if node.kind().endswith("_"):
        require(_fresh(inputs[0]))  # another operation would see what this one writes
    makes = list(node.outputs())
    if makes[0].type().kind() == "ListType" and node.kind() != "prim::ListConstruct":
        makes = list(makes[0].uses()[0].user.outputs())
    return Operation(
        tuple(values[value.unique()] for value in inputs),
        tuple(_sizes(value) for value in makes),
        str(makes[0].type().scalarType()) if _is_tensor(makes[0]) else "",
        len(inputs) > 0 and len(list(inputs[0].uses())) == 1,
    )


def _fresh(value: Any) -> bool:
    """Whether nothing but the operation that writes over the value sees its memory."""
    kind = value.node().kind()
    if kind == "prim::ListUnpack":
        kind = value.node().inputsAt(0).node().kind()
    return kind in _FRESH and len(list(value.uses())) == 1


def _constant(value: Any) -> Any:
    """A weight as an array that cannot be written, all else as Python has it."""
    found = value.toIValue()
    if not _is_tensor(value):
        return found
    array = np.asarray(found, order="C")
    array.flags.writeable = False
    # A number in an array of no axes would decide the type of what it meets.
    return array if array.ndim else array.item()


def _is_tensor(value: Any) -> bool:
    found: bool = value.type().kind() == "TensorType"
    return found


def _sizes(value: Any) -> Shape:
    """() of what is no tensor."""
    if not _is_tensor(value):
        return ()
    sizes = value.type().sizes()
    if not sizes:  # unknown, or a number in an array, as above
        raise UnknownError
    return tuple(sizes)


def _dtype(value: Any) -> type:
    name = str(value.type().scalarType())
    require(name in DTYPES)
    return DTYPES[name]


_FRESH = {
    "aten::linear", "aten::add", "aten::sub", "aten::mul", "aten::sigmoid", "aten::tanh",
    "aten::add_", "aten::sub_", "aten::mul_", "aten::sigmoid_", "aten::tanh_", "aten::unsafe_chunk",
}  # fmt: skip
"""What makes memory of its own; the parts of an `unsafe_chunk` are said to be."""
