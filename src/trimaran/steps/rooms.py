"""The backends by name; this takes no time to import, so that their frameworks can begin early."""

from __future__ import annotations

from importlib import import_module

ROOMS = {"torch": "torch", "tensorflow": "keras", "jax": "keras"}
"""Backends, and the room of each: Keras's serves two frameworks."""


def head_start(backend: str) -> None:
    """Start the process of a backend that has one of its own, whose imports take seconds.

    Raises `RunError` where Keras or the framework is not installed.
    """
    if ROOMS.get(backend) == "keras":
        process = import_module("trimaran.backends.keras.process")
        process.check_installed(backend)
        process.prepare(backend)
