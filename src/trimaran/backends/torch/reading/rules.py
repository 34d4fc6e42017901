"""Node by node into steps of the description: one small rule for each operation."""

from __future__ import annotations

from trimaran.backends.torch.reading import (
    attended,
    entrywise,
    pooling,
    recurrent,
    shaping,
    weighted,
)
from trimaran.backends.torch.reading.nodes import Entry, Node, Ref, Traced
from trimaran.backends.torch.reading.site import Reading, Rules, Site
from trimaran.backends.torch.reading.values import Value, channels_first, identity
from trimaran.errors import ConversionError

RULES: Rules = {
    **attended.RULES,
    **entrywise.RULES,
    **pooling.RULES,
    **shaping.RULES,
    **weighted.RULES,
}

REMEDIES = {
    "adaptive_max_pool1d": "pool to one entry, or use nn.MaxPool1d",
    "adaptive_max_pool2d": "pool to one entry, or use nn.MaxPool2d",
    "alpha_dropout": "use nn.Dropout",
    "arange": "let it number all steps from 0 on, look it up in an nn.Embedding, and add that to "
    "(batch, steps, features)",
    "conv_transpose2d": "use nn.Upsample and a convolution (another network, to be trained anew)",
    "embedding_bag": "use nn.Embedding, and a mean over the steps",
    "feature_dropout": "use nn.Dropout, which drops single entries",
    "max": "use x.amax",
    "prelu": "use nn.LeakyReLU",
    "matmul": "use nn.Linear; attention by hand is read where queries, keys and values are "
    "nn.Linear's outputs, and an nn.Linear of the same module follows, all with a bias or none",
    "scaled_dot_product_attention": "let queries, keys and values be nn.Linear's outputs, and an "
    "nn.Linear of the same module follow, all with a bias or none; or use nn.MultiheadAttention",
}
"""What to write instead of an operation that people often use."""

SPATIAL = (
    "adaptive_avg_pool1d", "avg_pool1d", "batch_norm", "conv1d", "group_norm", "instance_norm",
    "max_pool1d", "upsample_nearest1d",
)  # fmt: skip
"""Operations that take a series channels-first."""

THROUGH = (
    "add", "clone", "contiguous", "div", "dropout", "mul", "neg", "pad", "rsub", "slice", "sub",
    *entrywise.PLAIN,
)  # fmt: skip


def interpret(traced: Traced, explicit: frozenset[str]) -> Reading:
    """The steps of the forward pass, in its order.

    Raises:
        ConversionError: names the first operation, or use of one, that has no layer.
    """
    reading = Reading(traced, explicit)
    for entry in traced.inputs:
        value = _input(traced, entry, len(reading.inputs))
        reading.inputs.append(value)
        if entry.dtype != "float32":
            reading.tokens.add(value.number)
        reading.values[entry.node] = value
    memory = {entry.node: entry.node for entry in traced.inputs}
    for position, node in enumerate(traced.nodes):
        if node.in_place and node.op == "add" and not _is_value(node):
            continue  # a batch normalization counts its batches
        if recurrent.states(Site(reading, node)):
            _remember(memory, node)
            continue
        made = _made(reading, node)
        _remember(memory, node)
        if node.in_place:
            _overwrite(reading, memory, position, made)
        reading.values[node.name] = made
    return reading


def _is_value(node: Node) -> bool:
    return isinstance(node.arguments["self"], Ref)


def _input(traced: Traced, entry: Entry, number: int) -> Value:
    """An input: pictures (N, C, H, W), and series that a convolution reads, are channels-first."""
    sizes = traced.shapes[entry.node]
    if sizes[:1] != (None,) or len(sizes) < 2:
        raise ConversionError(
            f"{traced.name}: the input {entry.name!r} has the shape {sizes}, but a batch of rows "
            "with one axis or more was expected; give the example with its batch."
        )
    shape, rank = tuple(int(n or 0) for n in sizes[1:]), len(sizes) - 1
    first = rank == 3 or (rank == 2 and _feeds_spatial(traced, entry.node))
    axes = channels_first(rank) if first else identity(rank)
    return Value(number, tuple(shape[axis - 1] for axis in axes), axes)


def _feeds_spatial(traced: Traced, name: str) -> bool:
    readers = traced.readers(name)
    return any(
        reader.op in SPATIAL or (reader.op in THROUGH and _feeds_spatial(traced, reader.name))
        for reader in readers
    )


def _made(reading: Reading, node: Node) -> Value:
    rule = RULES.get(node.op)
    if rule is None:
        remedy = REMEDIES.get(node.op, "leave it out, or write it with layers of torch.nn")
        node.refuse("no layer of a description does this", remedy)
    if node.shape is None:
        node.refuse("it makes several tensors", "let each operation make one")
    return rule(Site(reading, node))


# Memory: what else an operation in place changes ------------------------------------------------

SAME = ("contiguous", "dropout", "expand", "expand_as")
"""Operations that may give back the very tensor that they took."""


def _remember(memory: dict[str, str], node: Node) -> None:
    """Which tensor's memory the node's result may lie in."""
    shares = node.in_place or node.op in shaping.VIEWS or node.op in SAME
    refs = node.refs
    memory[node.name] = memory.get(refs[0].name, refs[0].name) if shares and refs else node.name


def _overwrite(reading: Reading, memory: dict[str, str], position: int, made: Value) -> None:
    """An operation in place changes its tensor for all who read it later; a view of it that is
    read later cannot be followed."""
    traced = reading.traced
    node = traced.nodes[position]
    target = node.refs[0].name
    before = reading.values[target]
    later = traced.nodes[position + 1 :]
    for name, home in memory.items():
        if home != memory[target] or name == node.name or name not in reading.values:
            continue
        if reading.values[name] == before:
            reading.values[name] = made
        elif traced.returned(name) or any(Ref(name) in other.refs for other in later):
            node.refuse(
                "it changes a tensor of which a view is read later", "use the form without inplace"
            )
