"""From calls to the statements of a forward method: variables, and calls within calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from trimaran.emit.template import MARK

Key = tuple[int, ...]
"""A value's number, behind the numbers of the inline graphs that it lies in."""

WIDTH = 100
INDENT = 8


@dataclass(frozen=True)
class Step:
    """One expression: `text` with {0}, {1}… for its inputs.

    `folds` says that its input may be written inside it; `outputs` are the values it makes.
    """

    text: str
    inputs: tuple[Key, ...]
    outputs: tuple[Key, ...]
    folds: bool
    name: str


def statements(
    ports: Mapping[Key, str], steps: Sequence[Step], outputs: Sequence[Key], result: str
) -> tuple[str, ...]:
    """The lines of the method. `ports` names the input values; `result` is the returned
    expression with {0}, {1}… for the outputs."""
    last = Step(result, tuple(outputs), (), len(outputs) == 1, "return")
    folded = _fold([*steps, last])
    lines: list[str] = []
    variables = dict(ports)
    for index, step in enumerate(folded[:-1]):
        text = _text(step, variables)
        later = {value for other in folded[index + 1 :] for value in other.inputs}
        variables = {value: name for value, name in variables.items() if value in later}
        for value in step.outputs:
            variables[value] = _variable(step, set(variables.values()), ports)
        targets = ", ".join(variables[value] for value in step.outputs)
        if text != targets:
            lines.append(f"{targets} = {text}")
    return (*lines, f"return {_text(folded[-1], variables)}")


def _text(step: Step, variables: Mapping[Key, str]) -> str:
    return step.text.format(*(variables[value] for value in step.inputs))


def _variable(step: Step, taken: set[str], ports: Mapping[Key, str]) -> str:
    for name in ("x", "y", "z"):
        if name not in taken:
            return name
    fresh = re.sub(r"\W", "_", step.name)
    fresh = fresh if fresh.isidentifier() else f"block_{fresh}"
    used = taken | set(ports.values())
    endings = ("", "_out", *(f"_out{n}" for n in range(2, len(used) + 3)))
    return next(fresh + ending for ending in endings if fresh + ending not in used)


def _fold(steps: list[Step]) -> list[Step]:
    """Write single-use results inside the step that uses them, while the line stays short."""
    uses: dict[Key, int] = {}
    for step in steps:
        for value in step.inputs:
            uses[value] = uses.get(value, 0) + 1
    folded: list[Step] = []
    for step in steps:
        before = folded[-1] if folded else None
        if before and step.folds and before.outputs == step.inputs and uses[step.inputs[0]] == 1:
            joined = replace(step, text=_inside(before.text, step.text),
                             inputs=before.inputs, name=before.name)  # fmt: skip
            if _length(joined) <= WIDTH - INDENT:
                folded[-1] = joined
                continue
        folded.append(step)
    return folded


def _inside(text: str, around: str) -> str:
    """`around` with `text` for {0}: in brackets where a sum meets a method."""
    depth, joins = 0, False
    for place, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        joins = joins or (depth == 0 and text[place : place + 3] in (" + ", " - ", " * "))
    if joins and "{0}." in around:
        text = f"({text})"
    return around.replace("{0}", text)


def _length(step: Step) -> int:
    """The line's length, a number counting six letters and a variable as four."""
    text = MARK.sub("number", step.text)
    return len(re.sub(r"{\d}", "name", text)) + len("return ")
