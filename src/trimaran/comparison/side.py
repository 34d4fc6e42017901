"""A backend as the ladder sees it: something that builds networks, and engines that train them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.data.batches import Rows
from trimaran.spec import Model
from trimaran.training.engine import Engine, Objectives
from trimaran.training.settings import Training

Arrays = Mapping[str, np.ndarray]
Splits = Mapping[str, Rows]


@dataclass(frozen=True)
class Side:
    """One side of a comparison.

    build:  (model, weights, precision) -> a network
    engine: (model, weights, precision, objectives, splits, training) -> an engine to enter; None
        where the backend only answers (the reference)
    masks:  (model, channels-last masks by path) -> the same in the engine's layout
    """

    name: str
    build: Callable[[Model, Arrays, str], Network]
    engine: (
        Callable[[Model, Arrays, str, Objectives, Splits, Training], AbstractContextManager[Engine]]
        | None
    )
    masks: Callable[[Model, Arrays], dict[str, np.ndarray]]
