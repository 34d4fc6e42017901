"""Progress of many small runs: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from trimaran.cli.progress import EVERY
from trimaran.steps.table3 import Event, Found, Made, Planned
from trimaran.training.events import Notice
from trimaran.words import duration

Told = Callable[[Event], None]


@contextmanager
def counting(quiet: bool, stream: TextIO | None = None) -> Iterator[Told]:
    """What shows the events of a study on the error stream; nothing where `quiet`."""
    out = stream or sys.stderr
    shown: Any = _Bar(out) if out.isatty() else _Lines(out)
    try:
        yield (lambda event: None) if quiet else shown.see
    finally:
        shown.close()


def announced(event: Notice | Planned) -> str:
    """What is going to happen, before it does."""
    if isinstance(event, Notice):
        return event.text
    return (
        f"{event.runs} runs, at most {duration(event.seconds)}; "
        "a network that solves its task is done before"
    )


def result(event: Made) -> str:
    """A run in a few words."""
    case, trial = event.trial.case, event.trial
    end = "diverged" if trial.diverged else "solved" if trial.solved else "not solved"
    return f"{case.task} {case.length}, {case.cell}, seed {case.seed}: {end}"


class _Lines:
    """Lines that stay, the runs' no more often than every few seconds."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.last, self.runs = out, time.monotonic(), 0

    def see(self, event: Event) -> None:
        if isinstance(event, Planned):
            self.runs = event.runs
        if isinstance(event, Notice | Planned):
            print(announced(event), file=self.out, flush=True)
        elif isinstance(event, Made) and time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            print(f"{event.number}/{self.runs}  {result(event)}", file=self.out, flush=True)

    def close(self) -> None:
        """Nothing is held."""


class _Bar:
    """A bar that the runs move on."""

    def __init__(self, out: TextIO) -> None:
        self.out, self.progress, self.task = out, None, None  # type: tuple[TextIO, Any, Any]

    def see(self, event: Event) -> None:
        if isinstance(event, Notice | Planned):
            print(announced(event), file=self.out, flush=True)
        if isinstance(event, Planned):
            self._open(event.runs)
        elif isinstance(event, Made):
            self.progress.update(self.task, completed=event.number, text=result(event))
            self.progress.refresh()
        elif isinstance(event, Found):
            self.close()

    def _open(self, runs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (MofNCompleteColumn(), BarColumn(None), TextColumn("{task.fields[text]}"))
        console = Console(file=self.out, highlight=False)
        # Redrawn by events alone: a refreshing thread would take time from training.
        self.progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self.progress.start()
        self.task = self.progress.add_task("", total=runs, text="")

    def close(self) -> None:
        if self.progress is not None:
            self.progress.stop()
            self.progress = None
