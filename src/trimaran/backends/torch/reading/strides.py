"""Strides that differ between calls of one kind of block become its constructor's arguments.

A stride of 1 is left out of a source, so blocks with strides 1 and 2 would be two classes; where
they differ, each stride carries an expression, and is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from trimaran.backends.torch.reading.hierarchy import Block, own_name
from trimaran.backends.torch.reading.values import Step
from trimaran.spec import layers as L
from trimaran.spec.named import Int, Literal

CONVOLUTIONS = (L.Conv1D, L.Conv2D, L.DepthwiseConv2D)
Place = tuple[Any, ...]


def spelled(root: Block) -> None:
    """Mark the strides that differ, in place."""
    found: dict[Place, set[tuple[int, ...]]] = {}
    for place, _, step in _convolutions(root):
        layer: Any = step.layer
        found.setdefault(place, set()).add(layer.strides)
    for place, holder, step in list(_convolutions(root)):
        if len(found[place]) > 1:
            layer = step.layer
            marked = tuple(Int(s, Literal(s)) for s in layer.strides)
            new = replace(step, layer=replace(layer, strides=marked))
            holder.items[holder.items.index(step)] = new


def _convolutions(root: Block) -> Iterator[tuple[Place, Block, Step]]:
    """(kind of block, its modules, path inside it), the list that holds the step, the step."""
    for block in _blocks(root):
        names = frozenset(own_name(item, block.frame.path) for item in block.items)
        for holder, step in _own(block):
            if isinstance(step.layer, CONVOLUTIONS):
                inside = step.path.removeprefix(block.frame.path)
                yield (block.frame.kind, names, inside), holder, step


def _blocks(block: Block) -> Iterator[Block]:
    if not block.inline:
        yield block
    for item in block.items:
        if isinstance(item, Block):
            yield from _blocks(item)


def _own(block: Block) -> Iterator[tuple[Block, Step]]:
    """The steps of a block and of the Sequentials inside, which are written into its class."""
    for item in block.items:
        if isinstance(item, Step):
            yield block, item
        elif item.inline:
            yield from _own(item)
