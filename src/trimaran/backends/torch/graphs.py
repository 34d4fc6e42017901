"""One network as eager, compiled and exported graph: `python -m trimaran.backends.torch.graphs
FOLDER` measures the kind that the task in the folder names."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trimaran.backends.torch.build import module, to_numpy, to_torch
from trimaran.backends.torch.gradients import batch_loss
from trimaran.backends.torch.losses import score_function
from trimaran.training.probe import Ready, Refusal, Task, measure

Call = Callable[..., Any]


def ready(task: Task) -> Ready:
    """The task's network in its kind of graph."""
    torch.set_num_threads(task.threads)
    network = module(task.model, task.weights)
    inputs = [to_torch(task.inputs[port.name]).float() for port in task.model.inputs]
    answer = _KINDS[task.kind](network.eval(), inputs)

    def infer() -> Any:
        with torch.no_grad():
            return answer(*inputs)

    def fetch(found: Any) -> dict[str, np.ndarray]:
        named = found if isinstance(found, dict) else {task.model.outputs[0][0]: found}
        return {name: to_numpy(t, t.dim() == 4) for name, t in named.items()}

    if task.kind in _ANSWER_ONLY:
        return Ready(infer, fetch)
    return Ready(infer, fetch, _training(task, network, inputs), lambda: _train_mode(network))


def _train_mode(network: nn.Module) -> None:
    network.train()


def _training(task: Task, network: nn.Module, inputs: list[Tensor]) -> Call:
    """One update by PyTorch's own Adam."""
    outputs = score_function(network, task.objective)
    if task.kind == "torch.compile":
        outputs = torch.compile(outputs)
    targets = {name: torch.from_numpy(np.array(v)) for name, v in task.targets.items()}
    optimizer = torch.optim.Adam(network.parameters(), task.rate)

    def train() -> float:
        loss = batch_loss(outputs(*inputs), targets, task.objective.losses)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.item()

    return train


def _eager(network: nn.Module, inputs: list[Tensor]) -> Call:
    return network


def _compiled(network: nn.Module, inputs: list[Tensor]) -> Call:
    if _compiler() is None:
        raise Refusal(
            "torch.compile needs a C++ compiler on a CPU, and there is none here; install g++ or "
            "clang, or name one in the environment variable CXX."
        )
    # A folder of its own: what an earlier process compiled would hide what compiling costs.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(Path(sys.argv[1]) / "inductor")
    compiled: Call = torch.compile(network)
    return compiled


def _compiler() -> str | None:
    """The C++ compiler that Inductor would take."""
    named = os.environ.get("CXX")
    return shutil.which(named) if named else shutil.which("g++") or shutil.which("clang++")


def _exported(network: nn.Module, inputs: list[Tensor]) -> Call:
    call: Call = torch.export.export(network, tuple(inputs)).module()
    return call


def _scripted(network: nn.Module, inputs: list[Tensor]) -> Call:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, which the page says
        traced: Call = torch.jit.trace(network, tuple(inputs))  # type: ignore[no-untyped-call]
    return traced


_KINDS: dict[str, Callable[[nn.Module, list[Tensor]], Call]] = {
    "eager": _eager,
    "torch.compile": _compiled,
    "torch.export": _exported,
    "TorchScript": _scripted,
}
_ANSWER_ONLY = ("torch.export", "TorchScript")


if __name__ == "__main__":
    measure(Path(sys.argv[1]), ready)
