"""What the doctor says of backends."""

from __future__ import annotations

from trimaran.cli.doctor import _backends, backends
from trimaran.steps.environment import PACKAGES


def test_backends_follow_from_what_is_installed() -> None:
    plain = {"torch": "2.13.0"}
    assert backends(plain) == ["torch"]
    assert backends(plain | {"keras": "3", "jax": "0.10"}) == ["torch", "jax"]
    assert backends(plain | {"keras": "3", "tensorflow-cpu": "2.21"}) == ["torch", "tensorflow"]
    assert backends(plain | {"jax": "0.10"}) == ["torch"]


def test_what_is_missing_is_told_with_its_remedy() -> None:
    assert _backends(["torch", "tensorflow", "jax"]) == "backends: torch, tensorflow, jax"
    told = _backends(["torch"])
    assert "tensorflow and jax by: pip install" in told and "trimaran[keras]" in told


def test_a_run_remembers_the_versions_of_every_backend() -> None:
    assert {"torch", "keras", "tensorflow", "tensorflow-cpu", "jax", "jaxlib"} <= set(PACKAGES)
