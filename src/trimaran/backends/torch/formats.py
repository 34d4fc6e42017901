"""What PyTorch can write of a network here: `python -m trimaran.backends.torch.formats FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from trimaran.backends.torch.build import module, to_torch
from trimaran.training.probe import Task
from trimaran.training.writing import Kind, write_all


def kinds(task: Task) -> tuple[Kind, ...]:
    """Every kind of file, for the task's network."""
    torch.set_num_threads(task.threads)
    network = module(task.model, task.weights).eval()
    inputs = tuple(to_torch(task.inputs[port.name]).float() for port in task.model.inputs)
    return (*_deployment(network, inputs), *_visualization(network, inputs))


def _deployment(network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Kind, ...]:
    def script(path: Path) -> None:
        torch.jit.trace(network, inputs).save(str(path))  # type: ignore[no-untyped-call]

    def program(path: Path) -> None:
        torch.export.save(torch.export.export(network, inputs), path)

    def onnx(path: Path) -> None:
        torch.onnx.export(network, inputs, str(path), dynamo=True, verbose=False)

    return (
        Kind("TorchScript", "C++ and mobile, without Python", "model.pt", script),
        Kind("torch.export (.pt2)", "PyTorch's present form for deployment", "model.pt2", program),
        Kind("ONNX", "ONNX Runtime, on servers, devices and in browsers", "model.onnx", onnx),
    )


def _visualization(network: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Kind, ...]:
    def tensorboard(path: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(path)) as writer:
            writer.add_scalar("loss", 1.0, 0)
            writer.add_histogram("weights", next(network.parameters()).detach(), 0)

    def visdom(path: Path) -> None:
        # By name only: it is no dependency, and the answer is whether it is here.
        from importlib import import_module

        import_module("visdom").Visdom(offline=True, log_to_filename=str(path)).text("loss")

    of = "visualization"
    return (
        Kind("TensorBoard", "event files, by PyTorch's own writer", "board", tensorboard, of),
        Kind("Visdom", "a log of Visdom's client", "visdom.log", visdom, of),
    )


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), kinds)
