"""Where the user's models are, and how they are brought in."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from trimaran.backends.keras.from_keras import Original
from trimaran.backends.keras.reading.files import read_file

FRAMEWORK = "tensorflow"
Bring = Callable[[str], Original]


@pytest.fixture(scope="session")
def bring() -> Bring:
    """Bring in the model of that path, which a process with Keras on TensorFlow opens."""
    for needed in ("keras", FRAMEWORK):
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    return lambda path: read_file(path, FRAMEWORK)


@pytest.fixture(scope="session")
def here() -> Path:
    """The folder of the users' models."""
    return Path(__file__).parent
