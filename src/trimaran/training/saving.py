"""A run's checkpoints: when to write one, and where to go on from."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from trimaran.errors import RunError
from trimaran.training.checkpoint import Found, Place, newest, steps, write
from trimaran.training.events import Event, Notice, Saved, Started
from trimaran.training.resume import capture, check_identity, restore
from trimaran.training.run import Run

# A checkpoint may take this part of the time.
_SAVING = 0.05


def found(place: Place | None) -> Found | None:
    """The checkpoint to go on from. `RunError` where a new run would mix with an old one."""
    if place is None:
        return None
    if place.resume:
        return newest(place.folder)
    if steps(place.folder):
        raise RunError(
            f"{place.folder} already holds the checkpoints of a run; resume that run, or give "
            f"the new one another folder."
        )
    return None


def begin(run: Run, found: Found | None) -> Iterator[Event]:
    """Restores the state, if there is one, and announces the run."""
    if found and run.place:
        if not run.place.inexact:
            check_identity(found.checkpoint.state["identity"], run.identity)
        run.position = restore(found.checkpoint, run.engine, run.tally)
        run.saved_step = run.position.step
        _cut_back(run.place.events, found.checkpoint.state["events"])
    again = run.place is not None and run.place.resume and not found
    if run.place and again:
        _cut_back(run.place.events, 0)
    run.looked = run.saved = time.monotonic()
    yield Started(
        run.position.step,
        run.parts.horizon.steps,
        run.training.epochs,
        len(run.parts.train),
        run.engine.trained,
        run.parts.execution.to_json(),
    )
    for text in found.notices if found else ():
        yield Notice(text)
    if again:
        yield Notice("The run was ended before its first checkpoint, so it starts again.")


def _cut_back(events: Path | None, length: int | None) -> None:
    """Takes away the events that happened after the checkpoint."""
    if events and length is not None and events.exists() and events.stat().st_size > length:
        os.truncate(events, length)


def due(run: Run, now: float) -> bool:
    """Whether enough time went by since the last checkpoint, for the user and for its cost."""
    every = run.training.checkpoint_seconds
    if run.place is None or every is None:
        return False
    return now - run.saved >= max(float(every), run.saving / _SAVING)


def save(run: Run) -> Iterator[Event]:
    """Writes a checkpoint, if the run has a place for it and this step has none yet."""
    if run.place is None or run.saved_step == run.position.step:
        return
    began = time.monotonic()
    events = run.place.events
    rest = {
        "identity": dict(run.identity),
        "execution": run.parts.execution.to_json(),
        "events": events.stat().st_size if events and events.exists() else None,
    }
    position = run.position
    kept, position.seconds = position.seconds, run.seconds()
    try:
        checkpoint = capture(run.engine, position, run.tally, rest)
    finally:
        position.seconds = kept
    path = write(run.place.folder, checkpoint, run.training.keep)
    run.saved = time.monotonic()
    run.saving, run.saved_step = run.saved - began, position.step
    yield Saved(str(path), position.step)


def advice(run: Run) -> str:
    """How to go on after an interruption."""
    if run.place is None:
        return "Nothing was saved, because the run was given no folder."
    return f"Go on with: trimaran train --resume {shlex.quote(str(run.place.folder.parent))}"
