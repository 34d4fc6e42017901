"""From steps in a row to steps nested as the module nests its modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from trimaran.backends.torch.reading.attention import Attention
from trimaran.backends.torch.reading.nodes import Frame
from trimaran.backends.torch.reading.values import Step


@dataclass
class Block:
    """One call of a module. `inline` is a Sequential: a chain without a class of its own."""

    frame: Frame
    inline: bool
    items: list[Step | Block] = field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        """Every step inside."""
        return [
            step
            for item in self.items
            for step in (item.steps if isinstance(item, Block) else [item])
        ]


def nested(steps: Sequence[Step], module: nn.Module) -> Block:
    """The tree of the module's calls."""
    root = Block(Frame("", "", type(module).__name__), False)
    for step in steps:
        _place(root, step, step.frames[1:], module)
    _simplify(root, module)
    return root


def _place(block: Block, step: Step, frames: tuple[Frame, ...], module: nn.Module) -> None:
    if not frames:
        block.items.append(step)
        return
    last = block.items[-1] if block.items else None
    if not (isinstance(last, Block) and last.frame.call == frames[0].call):
        inner = module.get_submodule(frames[0].path)
        last = Block(frames[0], isinstance(inner, nn.Sequential))
        block.items.append(last)
    _place(last, step, frames[1:], module)


def _simplify(block: Block, module: nn.Module) -> None:
    """Modules without modules inside are layers, where they hold one, or dissolve, where they
    hold the arrays of one among several; chains out of a ModuleList stand together."""
    items: list[Step | Block] = []
    for item in block.items:
        if isinstance(item, Block):
            _simplify(item, module)
            items += _layers(item, module) or [item]
        else:
            items.append(item)
    block.items = _chains(items, block.frame.path)


def _layers(block: Block, module: nn.Module) -> list[Step | Block]:
    inner = module.get_submodule(block.frame.path)
    if any(True for _ in inner.children()) and not isinstance(inner, Attention):
        return []
    steps = block.steps
    if len(steps) == 1:
        only = steps[0]
        own = only.path or block.frame.path
        return [_named(only, own, block.frame)]
    own = block.frame.path
    return [*steps] if any(step.path == own for step in steps) else []


def _named(step: Step, path: str, frame: Frame) -> Step:
    return replace(step, frames=(*step.frames[:-1], frame), path=path)


def own_name(item: Step | Block, path: str) -> str | None:
    """The item's name inside the module at `path`: "conv1", "blocks.0"; None where it has none."""
    own = item.path if isinstance(item, Step) else item.frame.path
    prefix = f"{path}." if path else ""
    return own[len(prefix) :] if own.startswith(prefix) and own != path else None


def _chains(items: list[Step | Block], path: str) -> list[Step | Block]:
    """Items "blocks.0", "blocks.1"… that are called one after another, as a Sequential."""
    lists: dict[str, list[int]] = {}
    for position, item in enumerate(items):
        head, dot, _ = (own_name(item, path) or "").partition(".")
        if dot:
            lists.setdefault(head, []).append(position)
    for head, positions in lists.items():
        run = items[positions[0] : positions[-1] + 1]
        names = [own_name(item, path) for item in run]
        if (
            names == [f"{head}.{i}" for i in range(len(run))]
            and len(run) > 1
            and _is_chain(run, items[positions[-1] + 1 :])
        ):
            whole = f"{path}.{head}" if path else head
            made = Block(Frame(whole, whole, "Sequential"), True, run)
            return _chains([*items[: positions[0]], made, *items[positions[-1] + 1 :]], path)
    return items


def _is_chain(run: list[Step | Block], later: list[Step | Block]) -> bool:
    """Whether each reads the one before it alone, and nothing else reads what lies between."""
    inner: set[int] = set()
    for before, item in zip(run, run[1:], strict=False):
        taken, made = outside(item), _steps(before)[-1].made
        if taken != [made]:
            return False
        inner |= {value for step in _steps(before) for value in step.values}
    read = {value for item in later for step in _steps(item) for value in step.inputs}
    return len(outside(run[0])) == 1 and not inner & read


def _steps(item: Step | Block) -> list[Step]:
    return item.steps if isinstance(item, Block) else [item]


def outside(item: Step | Block) -> list[int]:
    """The values that the item takes from elsewhere, in the order of their first use."""
    steps = _steps(item)
    made = {value for step in steps for value in step.values}
    found = [value for step in steps for value in step.inputs if value not in made]
    return list(dict.fromkeys(found))


def flags(root: Block) -> Mapping[str, frozenset[str]]:
    """For each kind of block, the names of the modules that only some of its calls have."""
    names: dict[str, list[frozenset[str]]] = {}
    _collect(root, names)
    return {
        kind: frozenset().union(*found) - frozenset.intersection(*found)
        for kind, found in names.items()
    }


def _collect(block: Block, names: dict[str, list[frozenset[str]]]) -> None:
    own = (own_name(item, block.frame.path) for item in block.items)
    found = frozenset(name for name in own if name and name.isidentifier())
    if not block.inline:
        names.setdefault(block.frame.kind, []).append(found)
    for item in block.items:
        if isinstance(item, Block):
            _collect(item, names)
