"""A cache of its own for each test, and no network beyond this machine."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("TRIMARAN_CACHE", str(folder))
    monkeypatch.setenv("TRIMARAN_OFFLINE", "1")
    monkeypatch.delenv("TRIMARAN_DATA", raising=False)
    return folder
