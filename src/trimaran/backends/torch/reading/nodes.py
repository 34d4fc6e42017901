"""What torch.export saw, as plain values: one node for each call of an operation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from trimaran.errors import ConversionError

Size = int | None | str
"""Of one axis: None is the batch's, MIXED one that depends on it in another way."""

MIXED = "mixed"


@dataclass(frozen=True)
class Frame:
    """One call of a module: `call` tells calls of the same module apart."""

    call: str
    path: str
    kind: str


@dataclass(frozen=True)
class Ref:
    """The result of another node, or an input."""

    name: str


@dataclass(frozen=True)
class Key:
    """A parameter or buffer by its key in the state dict, "" for a constant."""

    text: str


@dataclass(frozen=True)
class Node:
    """One call of an operation; `arguments` are bound to the names of its schema, defaults filled
    in. `shape` is PyTorch's, None where the result is no single tensor."""

    name: str
    op: str
    in_place: bool
    arguments: Mapping[str, Any]
    shape: tuple[Size, ...] | None
    frames: tuple[Frame, ...]
    line: str = ""

    @property
    def refs(self) -> list[Ref]:
        """The tensors that it takes, in order."""
        found: list[Ref] = []
        for value in self.arguments.values():
            items = value if isinstance(value, list | tuple) else [value]
            found += [item for item in items if isinstance(item, Ref)]
        return found

    @property
    def place(self) -> str:
        """Where it stands, for an error."""
        last = self.frames[-1] if self.frames else Frame("", "", "")
        where = f"in the {last.kind} {last.path}" if last.path else "in the model's own forward"
        return f"{self.op} {where}{f' ({self.line})' if self.line else ''}"

    def refuse(self, why: str, remedy: str) -> NoReturn:
        """Raise the error that names this node."""
        raise ConversionError(f"{self.place}: {why}; {remedy}.")


@dataclass(frozen=True)
class Entry:
    """An input or output: its name for people, and the node that it is; `dtype` is an input's."""

    name: str
    node: str
    dtype: str = "float32"


def needed(nodes: Sequence[Node], outputs: Sequence[Entry]) -> tuple[Node, ...]:
    """The nodes on which the outputs depend, and those that change a tensor in place; a mask that
    fills scores, only where they are read later."""
    wanted = {entry.node for entry in outputs}
    kept: list[Node] = []
    for node in reversed(nodes):
        changes = node.in_place and (node.op != "masked_fill" or node.refs[0].name in wanted)
        if changes or node.name in wanted:
            kept.append(node)
            wanted |= {ref.name for ref in node.refs}
    return tuple(reversed(kept))


@dataclass(frozen=True)
class Traced:
    """A module's forward pass. `shapes` are of inputs and arrays, by node and by key."""

    name: str
    inputs: tuple[Entry, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Entry, ...]
    shapes: Mapping[str, tuple[Size, ...]]
    arrays: Mapping[str, tuple[int, ...]]

    def readers(self, name: str) -> list[Node]:
        """The nodes that take this node's result."""
        return [node for node in self.nodes if Ref(name) in node.refs]

    def returned(self, name: str) -> bool:
        """Whether the node is an output."""
        return any(entry.node == name for entry in self.outputs)
