"""The user's own Keras network as a network and an engine, beside what was made of it.

The worker builds it from the user's file where it builds all others from emitted text; losses,
loop and ladder meet it as they meet those. Its weights come from the description's, so its
updates are compared too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.backends.keras.build import KerasNetwork, Module
from trimaran.backends.keras.loop import KerasEngine, Splits, engine
from trimaran.backends.keras.process import hire
from trimaran.backends.keras.reading.files import fastest, told
from trimaran.spec import codec
from trimaran.spec.model import Model
from trimaran.training.engine import Objectives
from trimaran.training.execution import Execution
from trimaran.training.settings import Training

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Original:
    """A network in the user's file, on one of Keras's frameworks.

    note: what of it was adapted so that it can be compared, as a sentence, or ""
    """

    framework: str
    file: Mapping[str, Any]
    note: str = ""

    def build(self, model: Model, weights: Arrays, precision: str) -> KerasNetwork:
        """The network with these weights, as one that answers."""
        return KerasNetwork(model, weights, hire(self.framework, precision), self.file)

    @contextmanager
    def engine(
        self,
        model: Model,
        weights: Arrays,
        precision: str,
        objectives: Objectives,
        splits: Splits,
        training: Training,
    ) -> Iterator[KerasEngine]:
        """The network with these weights, as what learns."""
        module = Module(self.framework, model, weights, precision, self.file)
        execution = Execution(precision=precision, threads=1)
        with engine(module, objectives, splits, training, execution) as made:
            yield made

    def masks(self, model: Model, masks: Arrays) -> dict[str, np.ndarray]:
        """Masks as they are: Keras's maps are channels-last."""
        return dict(masks)


def original(path: str, model: Model, framework: str | None = None) -> Original:
    """The network of `FILE.py:NAME` or a `.keras` file, of which `model` is the description.

    Raises:
        ConversionError: it answers, but cannot be trained beside others; the text says why.
    """
    chosen, file = framework or fastest(), told(path)
    values = {"model": codec.to_json(model), "source": file}
    adapted = hire(chosen, "float32").call("stand_in", values).values["statistics"]
    return Original(chosen, file, _note(adapted))


def _note(adapted: list[str]) -> str:
    if not adapted:
        return ""
    more = f" and {len(adapted) - 1} more" if len(adapted) > 1 else ""
    return (
        f"The original's BatchNormalization ({adapted[0]}{more}) keeps the biased variance of a "
        "batch, and what was written PyTorch's, n/(n-1) times as large for n entries per channel; "
        "the ladder gives the original that factor, and compares all else as it is."
    )
