"""PyTorch made to execute as an `Execution` says."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import torch

from trimaran.errors import RunError
from trimaran.training.execution import Execution, Machine, cpu_flags, look, usable_cores


def machine() -> Machine:
    """This machine as PyTorch sees it."""
    return look(accelerators())


def accelerators() -> dict[str, bool]:
    """The accelerators here, each with whether it computes in bfloat16."""
    found = {}
    if torch.cuda.is_available():
        found["cuda"] = torch.cuda.is_bf16_supported(including_emulation=False)
    if torch.backends.mps.is_available():
        found["mps"] = False
    return found


def prepare_process(execution: Execution) -> None:
    """Sets threads and the treatment of denormals.

    Call it before PyTorch computes anything in parallel: worker threads inherit the treatment of
    denormals when they start. Vanishing gradients of a long LSTM otherwise run 12 times slower.
    """
    torch.set_flush_denormal(execution.flush_denormals)
    if torch.get_num_threads() != execution.threads:
        torch.set_num_threads(execution.threads)


def flushes_denormals() -> bool:
    """Whether this thread takes numbers below 1.2e-38 for 0, which PyTorch does not tell."""
    return (torch.tensor(1e-39) * 1.0).item() == 0.0


@contextlib.contextmanager
def prepared(execution: Execution) -> Iterator[None]:
    """`prepare_process` for a while; threads, denormals and random state come back at the end."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    flushed = flushes_denormals()
    prepare_process(execution)
    try:
        with _repeatable() if execution.device == "cuda" else contextlib.nullcontext():
            yield
    finally:
        torch.set_rng_state(state)
        torch.set_flush_denormal(flushed)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


@contextlib.contextmanager
def _repeatable() -> Iterator[None]:
    """A GPU whose kernels give the same bits each time, as an exact resume needs; its random
    state comes back at the end. Algorithms are not chosen by timing, which differs between runs."""
    cudnn = torch.backends.cudnn
    kept, state = (cudnn.deterministic, cudnn.benchmark), torch.cuda.get_rng_state()
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark = kept
        torch.cuda.set_rng_state(state)


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """float32 in all its bits for a while: a GPU's convolutions otherwise round it to TF32."""
    cudnn = torch.backends.cudnn
    kept, cudnn.allow_tf32 = cudnn.allow_tf32, False
    try:
        yield
    finally:
        cudnn.allow_tf32 = kept


def fingerprint() -> dict[str, Any]:
    """What must be the same for a resumed run to give the same bits."""
    flags = " ".join(cpu_flags())
    found: dict[str, Any] = {
        "torch": torch.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "cpu features": hashlib.sha256(flags.encode()).hexdigest()[:16],
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def check_possible(execution: Execution) -> None:
    """Raises `RunError` when a stored execution cannot be repeated on this machine."""
    if execution.device != "cpu" and execution.device not in accelerators():
        raise RunError(
            f"The run was started on {execution.device}, which PyTorch does not find here; "
            f"resume it where it is, or start a new run."
        )
    cores = usable_cores()
    if execution.threads > cores:
        raise RunError(
            f"The run was started with {execution.threads} threads, but this process may use "
            f"{cores} cores; resume it with as many, or start a new run."
        )
