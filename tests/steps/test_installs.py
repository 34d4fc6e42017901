"""Sizes of what is installed: of real files, and of what they need."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from trimaran.steps import installs


def test_a_size_is_that_of_the_files() -> None:
    files = [Path(str(f.locate())) for f in metadata.distribution("jinja2").files or []]
    kept = [f for f in files if f.is_file() and f.suffix != ".pyc"]
    assert installs.size("jinja2") == sum(f.stat().st_size for f in kept) > 100_000


def test_a_closure_holds_what_is_needed_and_nothing_of_an_extra() -> None:
    found = installs.closure({"jinja2"})
    assert found == {"jinja2", "markupsafe"}
    assert installs.closure({"no-such-thing-anywhere"}) == set()


def test_what_only_pytorch_needs() -> None:
    found = installs.sizes(("torch",))["torch"]
    assert "torch" in found["own"] and "numpy" not in found["own"]
    assert found["own_bytes"] == sum(found["own"].values()) <= found["bytes"]
    assert found["versions"]["torch"]
