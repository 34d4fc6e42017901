"""Keras's tests are skipped where its extra is not installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from trimaran.backends.keras.build import KerasBackend

FRAMEWORKS = ("tensorflow", "jax")


@pytest.fixture(params=FRAMEWORKS, scope="session")
def framework(request: pytest.FixtureRequest) -> str:
    """Each framework in turn."""
    name: str = request.param
    for needed in ("keras", name):
        if find_spec(needed) is None:
            pytest.skip(f'{needed} is not installed: pip install "trimaran[keras]"')
    return name


@pytest.fixture(scope="session")
def keras(framework: str) -> KerasBackend:
    """The backend on that framework; its worker is shared by all tests of the process."""
    return KerasBackend(framework)
