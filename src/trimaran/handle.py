"""What the faces hand to people: a run that reads its folder and can predict, score and go on."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from trimaran import runs, workflow
from trimaran.runs import RunFiles, Scores
from trimaran.steps.ahead import Forecasts
from trimaran.steps.generation import Sampling, Writer
from trimaran.steps.predictions import Predictions


class Run(RunFiles):
    """A run, read from its folder when asked, and what can be done with it."""

    def predict(self, inputs: Any, backend: str | None = None) -> Predictions | Forecasts:
        """Answers for raw rows; see `workflow.predict`."""
        return workflow.predict(self, inputs, backend)

    def evaluate(
        self, data: Any = None, split: str | None = None, backend: str | None = None
    ) -> Scores:
        """Scores on a split of the run's own data, or on other data; see `workflow.evaluate`."""
        return workflow.evaluate(self, data, split, backend)

    def generate(
        self,
        prompt: str,
        length: int = 500,
        temperature: float = 1.0,
        seed: int = 0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> str:
        """The text that goes on from the prompt, of a run that learned a language; see
        `steps.generation.Sampling`."""
        sampling = Sampling(temperature, top_k, top_p, seed)
        return "".join(Writer(self).write(prompt, length, sampling))

    def resume(self) -> Run:
        """Go on from the last checkpoint; see `workflow.resume`."""
        return Run(workflow.resume(self).run.path)

    def _repr_html_(self) -> str:
        table = self.scores._repr_html_() if self.finished else "<p>unfinished</p>"
        link = f'<p><a href="{escape(str(self.report))}">report</a></p>'
        return f"<b>{escape(self.path.name)}</b>{table}{link if self.report.is_file() else ''}"


def find(name: str | Path) -> Run:
    """A run by its path, by its folder's name, or "latest"; see `runs.find`."""
    return Run(runs.find(name).path)
