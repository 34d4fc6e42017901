"""Progress of a run: a live bar on a terminal, one cell in a notebook, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from html import escape
from importlib import import_module
from typing import Any, Protocol, TextIO

from trimaran.steps.estimate import Plan
from trimaran.training.events import Epoch, Event, Health, Notice, Started, Step, Stopped
from trimaran.words import duration, size

EVERY = 10.0
"""Seconds between signs of life where every one is a line that stays."""


class Watch(Protocol):
    """Something that is told of every event."""

    def __call__(self, event: Event | Plan) -> None: ...

    def close(self) -> None:
        """The run has ended, well or not."""
        ...


def watch(stream: TextIO | None = None) -> Watch:
    """What suits the place: a notebook, a terminal, or a log file."""
    out = stream or sys.stderr
    if "ipykernel" in sys.modules:
        return Cell()
    return Bar(out) if out.isatty() else Lines(out)


def silent(event: Event | Plan) -> None:
    """For whoever wants nothing said."""


def plan_text(plan: Plan) -> str:
    """What is going to happen, before it does."""
    rows = ", ".join(f"{count:,} {split}" for split, count in plan.rows.items())
    time = "" if plan.seconds is None else f"{duration(plan.seconds)} of training and "
    return (
        f"{plan.data} ({rows}) → {plan.model}, {plan.parameters:,} parameters, in {plan.run}\n"
        f"about {time}{size(plan.memory)} of memory "
        f"({plan.device}, {plan.precision}, {plan.threads} thread{'s' * (plan.threads > 1)})"
    )


def epoch_text(event: Epoch, epochs: int, unit: str) -> str:
    """An epoch in one line."""
    figures = {"loss": event.loss, **event.metrics}
    shown = "  ".join(f"{name} {figure(name, value)}" for name, value in figures.items())
    speed = f"{event.examples_per_second:,.0f} {unit}/s"
    return f"epoch {event.epoch}/{epochs}  {shown}  {speed}  {duration(event.seconds)}"


def figure(name: str, value: float) -> str:
    """Accuracy in percent, the rest as numbers."""
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:.4g}"


class Pace:
    """How far a run is, and when it will be done."""

    def __init__(self) -> None:
        self.start = Started(0, 1, 1, 0, 0, {})
        self.began = time.monotonic()
        self.unit = "rows"

    def see(self, event: Event | Plan) -> None:
        if isinstance(event, Started):
            self.start, self.began = event, time.monotonic()
        elif isinstance(event, Plan):
            self.unit = event.unit

    def left(self, step: int) -> float:
        """Seconds to go, from the updates of this process so far."""
        done = max(step - self.start.step, 1)
        return (time.monotonic() - self.began) / done * max(self.start.steps - step, 0)

    def text(self, event: Step) -> str:
        speed = f"{event.examples_per_second:,.0f} {self.unit}/s"
        return f"loss {event.loss:.4g}  {speed}  {duration(self.left(event.step))} left"


class Warnings:
    """What is wrong with the network's health, said when first seen and counted at the end.

    The same warning comes with other figures in each epoch; layer and kind make it the same.
    """

    def __init__(self) -> None:
        self.kinds: dict[str, tuple[str, str]] = {}
        self.latest: dict[tuple[str, str], str] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.epochs = 0

    def learn(self, event: Health) -> None:
        """Remember which layer and kind each sentence is about."""
        self.kinds |= {str(found): (found.layer, found.what) for found in event.diagnoses}

    def new(self, event: Epoch) -> list[str]:
        """The epoch's sentences that were not said before."""
        found = {self.kinds.get(text, (text, "")): text for text in event.health}
        fresh = [text for kind, text in found.items() if kind not in self.counts]
        self.latest |= found
        self.counts.update(found.keys())
        self.epochs += 1
        return fresh

    def summary(self) -> list[str]:
        """How many epochs had each warning, in its latest words; nothing after one epoch."""
        if self.epochs < 2:
            return []
        return [
            f"in {count} of {self.epochs} epochs: {self.latest[kind]}"
            for kind, count in self.counts.items()
        ]


class Lines:
    """A line per epoch and notice, and a sign of life in long epochs."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.pace, self.told = out, Pace(), time.monotonic()
        self.warnings = Warnings()

    def __call__(self, event: Event | Plan) -> None:
        self.pace.see(event)
        text = self.words(event)
        if text:
            self.told = time.monotonic()
            print(text, file=self.out, flush=True)

    def words(self, event: Event | Plan) -> str | None:
        """The lines for this event, if it deserves some; each event is asked about once."""
        epochs = self.pace.start.epochs
        match event:
            case Plan():
                return plan_text(event)
            case Epoch():
                health = [f"  {text}" for text in self.warnings.new(event)]
                return "\n".join([epoch_text(event, epochs, self.pace.unit), *health])
            case Step() if time.monotonic() - self.told > EVERY:
                return f"epoch {event.epoch}/{epochs}  {self.pace.text(event)}"
            case Notice():
                return event.text
            case Health():
                self.warnings.learn(event)
            case Stopped():
                ended = f"stopped: {event.reason}. {event.advice}".rstrip()
                lines = [*self.warnings.summary(), *[ended] * (event.reason != "finished")]
                return "\n".join(lines) or None
        return None

    def close(self) -> None:
        """Nothing is held."""


class Bar:
    """A live bar above which the lines of `Lines` scroll away."""

    def __init__(self, out: TextIO) -> None:
        self.lines, self.out = Lines(out), out
        self.progress: Any = None
        self.task: Any = None

    def __call__(self, event: Event | Plan) -> None:
        self.lines.pace.see(event)
        if isinstance(event, Started):
            self._open(event)
        elif isinstance(event, Step) and self.progress is not None:
            about = f"epoch {event.epoch}/{self.lines.pace.start.epochs}"
            text = self.lines.pace.text(event)
            self.progress.update(
                self.task, completed=event.step, epoch=about, figures=text, refresh=True
            )
        else:
            self._say(self.lines.words(event))

    def _open(self, event: Started) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.fields[epoch]}"), BarColumn(None),
                   TextColumn("{task.fields[figures]}"))  # fmt: skip
        console = Console(file=self.out, highlight=False)
        # Redrawn by events alone: a refreshing thread would take time from training.
        self.progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self.progress.start()
        self.task = self.progress.add_task(
            "", total=event.steps, completed=event.step, epoch="epoch 1", figures=""
        )

    def _say(self, text: str | None) -> None:
        if self.progress is not None:
            self.progress.refresh()
        if text and self.progress is not None:
            self.progress.console.print(text, markup=False, soft_wrap=True)
        elif text:
            print(text, file=self.out, flush=True)

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()
            self.progress = None


class Cell:
    """One output cell of a notebook, rewritten in place."""

    def __init__(self) -> None:
        self.lines, self.said, self.now = Lines(sys.stderr), [], ""  # type: ignore[var-annotated]
        self.handle: Any = None

    def __call__(self, event: Event | Plan) -> None:
        self.lines.pace.see(event)
        if isinstance(event, Step):
            done = 100 * event.step / max(self.lines.pace.start.steps, 1)
            bar = f'<progress max="100" value="{done:.1f}"></progress> '
            self.now = f"{bar}epoch {event.epoch} {escape(self.lines.pace.text(event))}"
        else:
            text = self.lines.words(event)
            self.said += [text] if text else []
            self.now = "" if isinstance(event, Stopped) else self.now
        self._show()

    def _show(self) -> None:
        display = import_module("IPython.display")

        page = display.HTML(f"<pre>{escape(chr(10).join(self.said))}</pre>{self.now}")
        if self.handle is None:
            self.handle = display.display(page, display_id=True)
        else:
            self.handle.update(page)

    def close(self) -> None:
        self.now = ""
