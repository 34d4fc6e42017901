"""The perceptron of the chapter's §II: Rosenblatt's rule beside gradient training, and XOR.

The rule of 1958, for answers y of 0 or 1 and the step ŷ = [wᵀx + b > 0]: after every row,
w ← w + η (y - ŷ) x and b ← b + η (y - ŷ). It comes to rest where a line separates the answers
(Novikoff 1962); where none does, as for XOR, it never rests, and a hidden layer is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from trimaran.explain.drawing import figure, grid, image, text

Array = npt.NDArray[Any]
Answer = Callable[[Array], Array]
"""From (N, 2) points to the (N,) chance of the answer 1."""

RULE = "Rosenblatt's rule"
PASSES = 200
LOW, HIGH, POINTS = -0.5, 1.5, 80
"""The square that is drawn, and its points along each side."""


@dataclass(frozen=True, eq=False)
class Learned:
    """One way of learning one truth table.

    passes: times that all rows were seen;  wrong: rows that are answered wrongly at the end
    chances: (POINTS, POINTS), the chance of the answer 1 over the square, its highest y first
    """

    task: str
    learner: str
    passes: int
    wrong: int
    points: Array = field(repr=False)
    answers: Array = field(repr=False)
    chances: Array = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """What was found, without the picture."""
        rows = len(self.answers)
        return {"task": self.task, "learner": self.learner, "passes": self.passes,
                "wrong": self.wrong, "rows": rows}  # fmt: skip


def rosenblatt(x: Array, y: Array, passes: int = PASSES) -> tuple[Answer, int]:
    """The step function that the rule finds from zero weights with η = 1, and the passes taken.

    It ends with the first pass without a mistake, at the latest after `passes`.
    """
    weights, bias = np.zeros(x.shape[1]), 0.0
    made, mistakes = 0, 1
    while mistakes and made < passes:
        made, mistakes = made + 1, 0
        for row, truth in zip(x, y, strict=True):
            error = float(truth) - float(row @ weights + bias > 0)
            weights, bias = weights + error * row, bias + error
            mistakes += error != 0
    return lambda points: (points @ weights + bias > 0).astype(np.float64), made


def learned(
    task: str, learner: str, passes: int, answer: Answer, data: tuple[Array, Array]
) -> Learned:
    """A learner's answers on the rows (x, y), and all over the square."""
    x, y = data
    side = np.linspace(LOW, HIGH, POINTS)
    across, up = np.meshgrid(side, side[::-1])
    chances = answer(np.stack([across.ravel(), up.ravel()], axis=1)).reshape(POINTS, POINTS)
    wrong = int(((answer(x) > 0.5) != (y > 0.5)).sum())
    return Learned(task, learner, passes, wrong, x, y, chances)


def table(found: Sequence[Learned]) -> str:
    """The learners as text."""
    head = ("truth table", "learner", "passes", "wrong")
    rows = [(f.task, f.learner, str(f.passes), f"{f.wrong} of {len(f.answers)}") for f in found]
    return grid([head, *rows])


SIZE, TOP, GAP = 190.0, 46.0, 24.0
ZERO, ONE = np.array([214, 96, 77]), np.array([67, 147, 195])


def draw(found: Sequence[Learned]) -> str:
    """The decision regions as an SVG document: a row for each truth table."""
    tasks = list(dict.fromkeys(f.task for f in found))
    groups = [[f for f in found if f.task == task] for task in tasks]
    width = GAP + max(map(len, groups)) * (SIZE + GAP)
    parts = [
        part
        for down, group in enumerate(groups)
        for across, one in enumerate(group)
        for part in _panel(GAP + across * (SIZE + GAP), down * (SIZE + TOP + GAP) + TOP, one)
    ]
    height = len(groups) * (SIZE + TOP + GAP)
    return figure(width, height, "Decision boundaries of perceptrons", parts)


def _panel(left: float, top: float, one: Learned) -> list[str]:
    middle = left + SIZE / 2
    count = len(one.answers)
    words = f"all {count} right" if not one.wrong else f"{one.wrong} of {count} wrong"
    parts = [
        text(middle, top - 22, f"{one.learner}, {one.task}"),
        text(middle, top - 7, f"{words} after {one.passes} passes"),
        image(left, top, SIZE, SIZE, _colours(one.chances)),
    ]
    for (x, y), truth in zip(one.points.tolist(), one.answers.tolist(), strict=True):
        across = left + SIZE * (x - LOW) / (HIGH - LOW)
        down = top + SIZE * (HIGH - y) / (HIGH - LOW)
        colour = "#2166ac" if truth > 0.5 else "#b2182b"
        parts += [
            f'<circle cx="{across:g}" cy="{down:g}" r="9" fill="{colour}" stroke="white"/>',
            text(across, down + 4, f"{truth:g}", colour="white"),
        ]
    return parts


def _colours(chances: Array) -> Array:
    """Red where the answer is 0, blue where it is 1, white on the boundary between them."""
    sure = 2 * np.abs(chances - 0.5)[..., None] * 0.6 + 0.15
    hue = np.where(chances[..., None] > 0.5, ONE, ZERO)
    return np.asarray((255 - sure * (255 - hue)).round(), np.uint8)
