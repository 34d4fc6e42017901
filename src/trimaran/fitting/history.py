"""What `fit` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimaran.fitting.compiled import Compiled
from trimaran.fitting.fit import Fitted
from trimaran.spec import Model


@dataclass(frozen=True)
class History:
    """What `fit` returns: `history` has one list per figure, `epoch` counts from 0.

    `stopped` says why training ended: "finished", "early stopping", "time limit", "interrupted".
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    stopped: str = "finished"

    def _repr_html_(self) -> str:
        from trimaran.notebook import history_page

        return history_page(self.history, self.epoch)


def history_of(fitted: Fitted, compiled: Compiled, model: Model) -> History:
    """The figures of every epoch under the names that `compile` was given."""
    figures = [
        compiled.renamed(model, {**epoch.metrics, "loss": epoch.loss}) for epoch in fitted.epochs
    ]
    history = {name: [each[name] for each in figures] for name in (figures or [{}])[0]}
    return History(history, list(range(len(figures))), fitted.stopped.reason)
