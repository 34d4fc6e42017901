"""What every room's tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, and no wall-clock limits: other work may share the machine.
settings.register_profile("trimaran", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("trimaran")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets; tests that need it carry the marker `data`."""
    root = os.environ.get("TRIMARAN_DATA")
    if not root:
        pytest.skip("TRIMARAN_DATA is not set: it names the folder of real data sets")
    return Path(root)
