"""Models that the user wrote: opened, taken apart, and asked for outputs."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from trimaran.backends.keras.reading.given import answer, live
from trimaran.backends.keras.wire import Message
from trimaran.errors import ConversionError, RunError


class Foreign:
    """One of them."""

    def __init__(self, path: str, name: str) -> None:
        self.model = _made(path, name) if name else _loaded(path)
        self.given = live(self.model)
        self._ask = answer(self.model, self.given.config)

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


def _loaded(path: str) -> Any:
    """A file, in safe mode: a Lambda's code is refused, and nothing is unpickled."""
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        text = " ".join(str(error).split())[:300].rstrip(".")
        raise RunError(f"{path}: Keras cannot load it ({text}); save it again.") from None


def _made(path: str, name: str) -> Any:
    """What the user's file defines under that name, called where it is a function or a class."""
    spec = importlib.util.spec_from_file_location("trimaran_users_model", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(Path(path).parent))  # its own imports, as when it is run
    try:
        spec.loader.exec_module(module)
        found = getattr(module, name, None)
        if found is None:
            raise ConversionError(f"{path} defines no {name!r}; name a function that gives a model")
        return found if isinstance(found, keras.Model) else found()
    except ConversionError as refused:
        raise ConversionError(f"{refused}.") from None
    except Exception as error:
        frame = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == path][-1:]
        line = f" line {frame[0].lineno}" if frame else ""
        text = " ".join(str(error).split())[:300].rstrip(".")
        raise ConversionError(
            f"{path}{line}: {name} failed ({type(error).__name__}: {text}); mend it, and try "
            f"python -c 'import {Path(path).stem}' first."
        ) from None
    finally:
        sys.path.pop(0)
