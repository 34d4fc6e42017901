"""One training run in a process of its own: `python -m trimaran.steps.trial FOLDER` trains the
recipe that stands in FOLDER/task.json, into FOLDER/run, and says what it took."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimaran import runs, workflow
from trimaran.data.prepare import prepare
from trimaran.files import read_json, write_arrays, write_json
from trimaran.recipe import load
from trimaran.steps import scoring
from trimaran.steps.implementation import implementation
from trimaran.steps.timing import Timing, process_began
from trimaran.training.events import Epoch, Started
from trimaran.training.pace import children, peak_memory
from trimaran.training.probe import ANSWER, OUTPUTS, TASK


def main(folder: Path) -> None:
    """Train, score, and leave the answer."""
    recipe = load(read_json(folder / TASK))
    heard = Heard()
    options = workflow.Options(out=folder / "run", timing=Timing(process_began()), tell=heard.event)
    done = workflow.run(recipe, options)
    answer = {
        "seconds": done.timing.seconds(),
        "memory": memory(),
        "epochs": heard.epochs,
        "execution": read_json(done.run.path / runs.ENVIRONMENT)["execution"],
        "parameters": done.plan.parameters,
        "data": {"name": done.plan.data, "rows": dict(done.plan.rows)},
        "notices": list(done.notices),
    }
    split = runs.best_split(done.run.scores)
    scores = done.run.scores[split]
    answer["split"] = split
    answer["scores"] = {name: value["value"] for name, value in scores.items()}
    write_arrays(folder / OUTPUTS, {"answers": _answers(done.run, split)})
    write_json(folder / ANSWER, answer)


@dataclass
class Heard:
    """The epochs of a run, with seconds by this process's clock: from one epoch's end to the next,
    its score on the validation rows included. What a backend has been asked for but not yet done
    belongs to its epoch; the event's own seconds leave that out."""

    epochs: list[dict[str, Any]] = field(default_factory=list)
    last: float = 0.0

    def event(self, event: Any) -> None:
        """Note an event."""
        now = time.monotonic()
        if isinstance(event, Epoch):
            metrics = {name: float(value) for name, value in event.metrics.items()}
            seconds = now - self.last
            self.epochs.append({"epoch": event.epoch, "seconds": seconds, **metrics})
        if isinstance(event, Epoch | Started):
            self.last = now


def memory() -> dict[str, int | None]:
    """The peak of the process in which the framework computes, and of all processes together.

    Keras computes in a child of this process, PyTorch in this one. Peaks that were not reached at
    the same moment are added all the same: an upper bound.
    """
    own, others = peak_memory(), [peak_memory(child) for child in children(os.getpid())]
    known = [peak for peak in others if peak]
    computing = max(known) if known else own
    return {"framework": computing, "together": None if own is None else own + sum(known)}


def _answers(run: runs.RunFiles, split: str) -> Any:
    """The network's outputs for the rows that it is judged by."""
    rows = prepare(run.recipe.data_settings(), run.recipe.training.seed).splits[split]
    network = implementation(run.recipe.backend).network(run.model, run.weights)
    return scoring.answers(network, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
