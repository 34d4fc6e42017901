"""Models that the user wrote: opened, taken apart, and asked for outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from trimaran.backends.keras.reading.given import answer, live
from trimaran.backends.keras.wire import Message
from trimaran.backends.keras.worker.original.opening import File, opened


class Foreign:
    """One of them."""

    def __init__(self, file: File) -> None:
        model = opened(file)
        self.given = live(model)
        self._ask = answer(model, self.given.config)

    def parts(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Class, config and variables, as JSON and as arrays by their place in a list."""
        flat = [
            (list(path), name, values)
            for path, own in self.given.variables.items()
            for name, values in own.items()
        ]
        told = {
            "kind": self.given.kind,
            "config": self.given.config,
            "variables": [[path, name] for path, name, _ in flat],
        }
        return told, {str(place): values for place, (_, _, values) in enumerate(flat)}

    def ask(self, rows: Mapping[str, np.ndarray]) -> Message:
        """The outputs, by their place."""
        found = self._ask(rows)
        return Message({}, {str(place): values for place, values in enumerate(found)})
