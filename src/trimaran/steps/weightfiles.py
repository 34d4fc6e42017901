"""A model's weights as a file that the ejected source of a framework loads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from trimaran.errors import RecipeError, RunError
from trimaran.spec import Model
from trimaran.weights import save

KERAS = ".weights.h5"
SAFETENSORS = ".safetensors"


def has_keras() -> str | None:
    """The framework that can write Keras's file here, if there is one; JAX starts faster."""
    if find_spec("keras") is None:
        return None
    return next((name for name in ("jax", "tensorflow") if find_spec(name) is not None), None)


def write_weights(
    path: Path, model: Model, source: str, weights: Mapping[str, np.ndarray], to: str
) -> None:
    """Write the weights for the source of `to`: PyTorch's as safetensors, Keras's as
    `.weights.h5`.

    Raises:
        RecipeError: the file's name does not end as that framework's files do.
        RunError: Keras is needed and not installed, or the file cannot be written.
    """
    ending = KERAS if to == "keras" else SAFETENSORS
    if not path.name.endswith(ending):
        raise RecipeError(f"{path}: weights for {to} are a *{ending} file; name it so.")
    if to != "keras":
        save(path, weights)
        return
    framework = has_keras()
    if framework is None:
        raise RunError(
            f"{path}: Keras's weights file needs keras and jax or tensorflow, not installed here; "
            'run: pip install "trimaran[keras]"'
        )
    temporary = path.with_name(f".{path.name.removesuffix(KERAS)}.{os.getpid()}{KERAS}")
    try:
        backend = import_module("trimaran.backends.keras.build").backend(framework)
        backend.save_weights(model, source, weights, str(temporary.absolute()))
        os.replace(temporary, path)
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror or error}).") from None
    finally:
        with suppress(OSError):
            temporary.unlink()
