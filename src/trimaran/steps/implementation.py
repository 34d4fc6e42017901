"""A backend by its name; nothing else outside of `backends/` knows how its room is laid out."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from trimaran.backends.protocol import Backend, Network, Step
from trimaran.errors import RecipeError
from trimaran.spec import Model
from trimaran.steps.rooms import ROOMS
from trimaran.tasks import Objective
from trimaran.training.checkpoint import Place
from trimaran.training.engine import Engine, Objectives
from trimaran.training.events import Event
from trimaran.training.execution import Execution, resolve
from trimaran.training.settings import Training


@dataclass(frozen=True)
class Implementation:
    """The parts of a backend's room that a run needs."""

    name: str
    rooms: Mapping[str, Any]
    backend: Backend

    @property
    def room(self) -> str:
        """What its sources are called after: torch or keras."""
        return ROOMS[self.name]

    def emit(self, model: Model) -> str:
        """The source of the network."""
        return self.backend.emit(model)

    def network(
        self,
        model: Model,
        weights: Mapping[str, np.ndarray],
        execution: Execution | None = None,
    ) -> Network:
        """A network in float32 that answers in NumPy, on the GPU if the execution has one."""
        made = self.backend.build(model, weights, "float32")
        if execution is not None and execution.device == "cuda":
            self.rooms["build"].move(made, execution.device)
        return made

    def stepper(self, model: Model, weights: Mapping[str, np.ndarray]) -> Step:
        """A network of single steps in float32, for as many calls as there are steps."""
        made: Step = self.rooms["stepping"].stepper(self.backend, model, weights)
        return made

    def resolve(self, training: Training) -> Execution:
        """The execution that the settings mean here and now."""
        return resolve(training, self.rooms["execution"].machine())

    def gpu(self, execution: Execution) -> str | None:
        """The name of the GPU that the execution uses, if it does."""
        if execution.device != "cuda":
            return None
        name: str = self.rooms["execution"].fingerprint()["gpu"]
        return name

    def prepared(self, execution: Execution) -> AbstractContextManager[None]:
        """The process as the execution wants it, for a while."""
        made: AbstractContextManager[None] = self.rooms["execution"].prepared(execution)
        return made

    def module(
        self, model: Model, weights: Mapping[str, np.ndarray], precision: str = "float32"
    ) -> Any:
        """The network that trains: the source's own."""
        return self.rooms["build"].module_of(self.backend, model, weights, precision)

    def engine(
        self,
        module: Any,
        objectives: Objectives,
        splits: Mapping[str, Any],
        training: Training,
        execution: Execution,
    ) -> AbstractContextManager[Engine]:
        """The module as what learns and scores, in a process made ready for it."""
        made: AbstractContextManager[Engine] = self.rooms["loop"].engine(
            module, objectives, splits, training, execution
        )
        return made

    def fit(
        self,
        module: Any,
        objective: Objective,
        splits: Mapping[str, Any],
        training: Training,
        execution: Execution,
        place: Place | None,
    ) -> Generator[Event, None, None]:
        """Train in place, yielding what happens; close it where it is not used to its end."""
        events: Generator[Event, None, None] = self.rooms["loop"].fit(
            module, objective, splits, training, execution, place
        )
        return events

    def ahead(self, precision: str, threads: int) -> None:
        """Start what takes seconds before networks of these settings answer and train."""
        self.rooms["build"].ahead(self.backend, precision, threads)

    def arrays(self, module: Any) -> dict[str, np.ndarray]:
        """The weights by their key in model.safetensors."""
        found: dict[str, np.ndarray] = self.rooms["build"].arrays(module)
        return found


@cache
def implementation(name: str) -> Implementation:
    """The backend of that name; its framework is imported here.

    Raises:
        RecipeError: this Trimaran has no such backend.
        RunError: the backend's framework is not installed.
    """
    if name not in ROOMS:
        raise RecipeError(f"There is no backend {name!r}; there is {', '.join(ROOMS)}.")
    rooms = {
        part: import_module(f"trimaran.backends.{ROOMS[name]}.{part}")
        for part in ("build", "execution", "loop", "stepping")
    }
    return Implementation(name, rooms, rooms["build"].backend(name))


def source(model: Model, to: str, style: str | None = None) -> str:
    """The model as source for `to`: torch, keras, or a backend; no framework is imported.

    Raises:
        RecipeError: there is no such source, or a style was asked of PyTorch.
        DescriptionError: the model cannot be written in that style.
    """
    room = ROOMS.get(to, to)
    if room not in ROOMS.values():
        raise RecipeError(f"There is no source for {to!r}; choose torch or keras.")
    if room == "torch" and style is not None:
        raise RecipeError("PyTorch's source has one style; leave --style out, or eject to keras.")
    emitter = import_module(f"trimaran.backends.{room}.emit")
    text: str = emitter.emit(model, style) if style else emitter.emit(model)
    return text
