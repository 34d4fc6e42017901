"""What a Keras worker can execute, as far as it is known without importing a framework."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trimaran.backends.keras.process import process_ids
from trimaran.errors import RunError
from trimaran.training.execution import Execution, Machine, look, usable_cores


def machine() -> Machine:
    """This machine; a worker computes on the CPU, and its imports, which may be under way, leave
    their core before it does."""
    return look(accelerators(), process_ids())


def accelerators() -> dict[str, bool]:
    """None: TensorFlow's and JAX's CPU builds are what `trimaran[keras]` installs."""
    return {}


@contextlib.contextmanager
def prepared(execution: Execution) -> Iterator[None]:
    """The worker prepares itself."""
    check_possible(execution)
    yield


def check_possible(execution: Execution) -> None:
    """Raises `RunError` when a stored execution cannot be repeated on this machine."""
    if execution.device != "cpu":
        raise RunError(
            f"The backends tensorflow and jax train on the CPU, but device is {execution.device}; "
            "use backend=torch there."
        )
    cores = usable_cores()
    if execution.threads > cores:
        raise RunError(
            f"The run was started with {execution.threads} threads, but this process may use "
            f"{cores} cores; resume it with as many, or start a new run."
        )
