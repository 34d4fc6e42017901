"""One network as eager, compiled and exported graph: `python -m
trimaran.backends.keras.worker.graphs FOLDER` measures the kind that the folder's task names."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from trimaran.backends.keras.worker.lean import lean

with lean(os.environ["KERAS_BACKEND"]):
    import keras

    from trimaran.backends.keras.worker.setup import runtime
    from trimaran.backends.keras.worker.subject import subject
    from trimaran.training.probe import Ready, Task, measure


def ready(task: Task) -> Ready:
    """The task's network in its kind of graph."""
    runtime().prepare(task.threads)
    kinds = importlib.import_module(
        f"trimaran.backends.keras.worker.on_{keras.backend.backend()}.graphs"
    )
    made: Ready = kinds.KINDS[task.kind](subject(task))
    return made


if __name__ == "__main__":
    measure(Path(sys.argv[1]), ready)
