"""Networks of the user's, out of their files."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras.src.utils.naming import reset_uids

from trimaran.backends.keras.worker.lean import reveal
from trimaran.errors import ConversionError, RunError


@dataclass(frozen=True)
class File:
    """A `.keras` file, or a Python file and what in it is or gives the model.

    changed: when the file was, in nanoseconds, so that one that is edited is another one
    """

    path: str
    name: str
    changed: int = 0


def opened(file: File) -> Any:
    """Its model, whose layers without a name are called as they are in a fresh process.

    Raises:
        RunError: Keras cannot load the file.
        ConversionError: its code fails, or has no such name.
    """
    reveal()
    reset_uids()  # Keras counts layers per process: dense_7 here would be dense in another one
    return _made(file.path, file.name) if file.name else _loaded(file.path)


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
