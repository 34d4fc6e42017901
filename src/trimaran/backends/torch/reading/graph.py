"""torch.export's graph of a module as plain nodes.

The graph is the one before decomposition: one node for each `aten` operation that the module's
code calls, with the stack of modules around it. The batch stays a symbol, so that a reshape with
the batch's size is told from one that mixes rows.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trimaran.backends.torch.reading.example import place
from trimaran.backends.torch.reading.nodes import (
    MIXED,
    Entry,
    Frame,
    Key,
    Node,
    Ref,
    Size,
    Traced,
    needed,
)
from trimaran.errors import ConversionError

BATCH = object()
"""Stands for the batch's size among the arguments of a node."""

_LIBRARY = str(Path(torch.__file__).parent)
_STACK = re.compile(r'File "([^"]+)", line (\d+), in [^\n]*\n\s*([^\n]*)')


def trace(module: nn.Module, inputs: Sequence[torch.Tensor]) -> Traced:
    """The nodes of the module's forward pass on these inputs (two rows or more), in its mode.

    Raises:
        ConversionError: torch.export cannot follow the module's code.
    """
    exported = _export(module, inputs)
    signature = exported.graph_signature
    keys = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    keys |= dict.fromkeys(signature.inputs_to_lifted_tensor_constants, "")
    names = _argument_names(module, len(inputs))
    placeholders = {n.name: n for n in exported.graph.nodes if n.op == "placeholder"}
    given = [name for name in placeholders if name not in keys]
    outputs = _outputs(exported)
    nodes = needed([_node(n, keys) for n in exported.graph.nodes if _computes(n)], outputs)
    sizes = {name: _shape(placeholders[name].meta["val"]) or () for name in given}
    return Traced(
        type(module).__name__,
        tuple(
            Entry(name, node, _kind(placeholders[node].meta["val"]))
            for name, node in zip(names, given, strict=True)
        ),
        nodes,
        outputs,
        {**sizes, **{node.name: node.shape for node in nodes if node.shape is not None}},
        {key: tuple(placeholders[name].meta["val"].shape) for name, key in keys.items() if key},
    )


def _kind(value: torch.Tensor) -> str:
    return "float32" if value.is_floating_point() else "int32"


def _export(module: nn.Module, inputs: Sequence[torch.Tensor]) -> torch.export.ExportedProgram:
    batch = {0: torch.export.Dim.DYNAMIC}
    shapes = _dynamic(module, inputs, batch)
    with _silence(), torch.no_grad():
        try:
            return torch.export.export(module, tuple(inputs), dynamic_shapes=shapes)
        except Exception as error:  # torch.export raises many kinds
            raise _unfollowed(module, error) from None


def _dynamic(module: nn.Module, inputs: Sequence[Any], batch: Mapping[int, Any]) -> Any:
    """The dynamic axes in the form of the arguments: a *args parameter holds a tuple of them."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    plain = [p for p in parameters if p.kind is not inspect.Parameter.VAR_POSITIONAL]
    starred = len(plain) != len(parameters)
    head = [batch for _ in inputs[: len(plain)]] if starred else [batch for _ in inputs]
    return (*head, tuple(batch for _ in inputs[len(plain) :])) if starred else tuple(head)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without torch.export's own reports, which quote its insides."""
    kept = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    quiet = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(kept)


def _unfollowed(module: nn.Module, error: Exception) -> ConversionError:
    name, where = type(module).__name__, place(error)
    text = str(error)
    if "specialized it to be a constant" in text or "Constraints violated" in text:
        for path, inner in module.named_modules():
            if getattr(inner, "batch_first", True) is False:
                return ConversionError(
                    f"{name}: {type(inner).__name__} {path} has batch_first=False, and takes the "
                    "rows of a batch for steps; make it with batch_first=True, or transpose what "
                    "it reads."
                )
        return ConversionError(
            f"{name}: forward works for one batch size alone, as a reshape with a fixed first size "
            "does; write x.shape[0] or -1 in place of that number."
        )
    if "data-dependent" in text:
        return ConversionError(
            f"{name}: forward asks a tensor for its values{where} (an if, a loop or .item()), so "
            "it is not one network but several; take that decision out of forward."
        )
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return ConversionError(
        f"{name}: torch.export cannot follow forward{where} ({first[:200]}); write that part with "
        "tensors and layers alone."
    )


def _computes(node: Any) -> bool:
    """Whether it makes tensors; sizes are folded into the nodes that use them, and checks that
    PyTorch adds make nothing."""
    value = node.meta.get("val")
    sized = value is None or isinstance(value, torch.SymInt | int | float | bool)
    return node.op == "call_function" and not sized


def _node(node: Any, keys: Mapping[str, str]) -> Node:
    stack = node.meta.get("nn_module_stack") or {}
    frames, line = _frames(stack), _line(node.meta.get("stack_trace") or "")
    shape = _shape(node.meta.get("val"))
    if not isinstance(node.target, torch._ops.OpOverload):  # getitem of a tuple, for example
        given = {str(i): _plain(item, keys) for i, item in enumerate(node.args)}
        op = getattr(node.target, "__name__", str(node.target))
        return Node(node.name, op, False, given, shape, frames, line)
    op = node.target._schema.name.removeprefix("aten::")
    in_place = op.endswith("_") and not op.endswith("__")
    op = op.removesuffix("_") if in_place else op
    return Node(node.name, op, in_place, _bound(node, keys), shape, frames, line)


def _bound(node: Any, keys: Mapping[str, str]) -> dict[str, Any]:
    """The arguments by name, with the schema's defaults."""
    found = {}
    for position, argument in enumerate(node.target._schema.arguments):
        if position < len(node.args):
            value = node.args[position]
        else:
            value = node.kwargs.get(argument.name, argument.default_value)
        found[argument.name] = _plain(value, keys)
    return found


def _plain(value: Any, keys: Mapping[str, str]) -> Any:
    if isinstance(value, torch.fx.Node):
        if isinstance(value.meta.get("val"), torch.SymInt):
            return BATCH
        return Key(keys[value.name]) if value.name in keys else Ref(value.name)
    if isinstance(value, list | tuple):
        return [_plain(item, keys) for item in value]
    return value


def _shape(value: Any) -> tuple[Size, ...] | None:
    if not isinstance(value, torch.Tensor):
        return None
    return tuple(_size(size) for size in value.shape)


def _size(size: Any) -> Size:
    if isinstance(size, int):
        return size
    return None if size.node.expr.is_symbol else MIXED


def _frames(stack: Mapping[str, Any]) -> tuple[Frame, ...]:
    return tuple(
        Frame(call, path, str(kind).rpartition(".")[2])
        for call, (path, kind) in stack.items()
        if not call.startswith("_empty")
    )


def _line(stack: str) -> str:
    """File, line and text of the innermost line that is not PyTorch's own."""
    own = [found for found in _STACK.findall(stack) if not found[0].startswith(_LIBRARY)]
    if not own:
        return ""
    file, number, text = own[-1]
    return f"{Path(file).name}:{number}: {text.strip()}"


def _argument_names(module: nn.Module, count: int) -> list[str]:
    """The names of forward's arguments; x1, x2… behind a *args."""
    named = [
        parameter.name
        for parameter in inspect.signature(module.forward).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ][:count]
    rest = count - len(named)
    if not named and rest == 1:
        return ["x"]
    return named + [f"x{i + 1}" for i in range(rest)]


def _outputs(exported: torch.export.ExportedProgram) -> tuple[Entry, ...]:
    (last,) = (node for node in exported.graph.nodes if node.op == "output")
    nodes = [item.name if isinstance(item, torch.fx.Node) else None for item in last.args[0]]
    spec = exported.call_spec.out_spec
    names = _output_names(spec, len(nodes))
    strange = [name for name, node in zip(names, nodes, strict=True) if node is None]
    if strange:
        raise ConversionError(
            f"the output {strange[0]!r} is no tensor; let forward return tensors alone."
        )
    return tuple(Entry(name, str(node)) for name, node in zip(names, nodes, strict=True))


def _output_names(spec: Any, count: int) -> list[str]:
    """Of a tensor, a tuple or list of tensors, or a dict of them."""
    if spec.num_leaves != count or spec.num_children not in (0, count):
        raise ConversionError(
            "forward returns nested outputs; let it return a tensor, or one tuple or dict of them."
        )
    if spec.type is dict:
        return [str(key) for key in spec.context]
    return ["output"] if count == 1 else [f"output{i + 1}" for i in range(count)]
