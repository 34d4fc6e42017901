"""Everything that is settled before a run trains, and the files that say so."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trimaran import runs
from trimaran.data.batches import Rows
from trimaran.data.prepared import Prepared
from trimaran.files import write_json, write_text
from trimaran.recipe import Recipe
from trimaran.spec import Model, digest, to_json
from trimaran.spec.model import sized
from trimaran.steps import environment, estimate
from trimaran.steps.beginning import Beginning
from trimaran.steps.estimate import Load, Plan
from trimaran.steps.implementation import Implementation
from trimaran.training.execution import Execution


@dataclass(frozen=True)
class Opening:
    """The recipe with nothing left open, and what it became here."""

    recipe: Recipe
    prepared: Prepared
    model: Model
    backend: Implementation
    execution: Execution
    beginning: Beginning

    @property
    def seed(self) -> int:
        """The one seed of the run: of the split, the weights, the order, the augmentation."""
        return self.recipe.training.seed

    def write(self, folder: Path) -> None:
        """The files of a run that has not begun to train. The recipe comes last: it makes the
        folder a run."""
        write_json(folder / runs.MODEL, to_json(self.model))
        write_text(folder / f"model_{self.backend.room}.py", self.backend.emit(self.model))
        write_json(folder / runs.PREPROCESS, self.prepared.preprocess.to_json())
        write_json(folder / runs.DATA, self.data())
        write_json(folder / runs.ENVIRONMENT, self.environment())
        write_text(folder / runs.RECIPE, self.recipe.to_yaml())

    @property
    def notices(self) -> tuple[str, ...]:
        """What a user should know before it trains."""
        return (*self.prepared.notices, *self.beginning.notices)

    @property
    def identity(self) -> dict[str, Any]:
        """What a run must share with its checkpoint: digests of data, model and first weights."""
        own = {"data": self.prepared.facts["digest"], "model": digest(self.model)}
        return own | self.beginning.identity

    def data(self) -> dict[str, Any]:
        """What the report says of the data."""
        found = self.prepared
        return {
            "name": found.name,
            "task": found.task,
            "facts": dict(found.facts),
            "notices": list(self.notices),
        }

    def environment(self) -> dict[str, Any]:
        """Where, when and how this runs."""
        return {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": shlex.join(sys.argv),
            "backend": self.backend.name,
            "execution": self.execution.to_json(),
            "gpu": self.backend.gpu(self.execution),
            "seed": self.seed,
            "weights": dict(self.beginning.source) or None,
            **environment.facts(),
        }

    def _unit(self) -> str:
        """What a row is called."""
        if self.prepared.task in ("language", "forecast"):
            return "windows"
        return "images" if len(next(iter(self.prepared.inputs.values()))) == 3 else "examples"

    def plan(self, folder: Path) -> Plan:
        """What the run will take, before it does."""
        training, execution = self.recipe.training, self.execution
        rows = {name: len(part) for name, part in self.prepared.splits.items()}
        held = sum(count for name, count in rows.items() if name != "train")
        scored = rows.get("validation", 0) * training.epochs + held
        load = Load(rows["train"] * training.epochs, scored, training.batch_size)
        whole = sized(self.model, self.prepared.inputs)
        seconds = estimate.seconds(
            whole, load, execution.precision, execution.threads, self.backend.name
        )
        slots = len(training.optimizer.slots_used())
        resident = _bytes(self.prepared)
        return Plan(
            run=str(folder),
            data=self.prepared.name,
            rows=rows,
            unit=self._unit(),
            model=self.model.name,
            parameters=self.model.size,
            # The estimate knows processors alone: a GPU's first epoch says more.
            seconds=min(seconds, float(training.time_limit or seconds))
            if execution.device == "cpu"
            else None,
            memory=estimate.memory(whole, resident, training.batch_size, slots),
            device=execution.device,
            precision=execution.precision,
            threads=execution.threads,
        )


def _bytes(prepared: Prepared) -> int:
    return sum(
        array.nbytes
        for rows in prepared.splits.values()
        if isinstance(rows, Rows)
        for array in rows.inputs.values()
    )
