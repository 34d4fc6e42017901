"""Everything of a run that stands still while it trains, made ready once."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from trimaran.backends.torch.losses import Criterion, Outputs, score_function
from trimaran.backends.torch.memory import Change, Form, Source
from trimaran.backends.torch.optimizers import Averages, Update
from trimaran.backends.torch.state import Held
from trimaran.data.augment import Augment
from trimaran.data.batches import Rows
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError
from trimaran.tasks.loss import Objective
from trimaran.training.engine import Objectives
from trimaran.training.execution import Execution
from trimaran.training.naming import build, nearest
from trimaran.training.settings import Training

Splits = Mapping[str, Rows | Stream]


@dataclass(frozen=True)
class Setup:
    """The prepared parts: `outputs` runs the network to what the losses take, `criterion` weighs
    training rows, `judge` the rows of validation, and `trained` names what moves."""

    training: Training
    execution: Execution
    outputs: Callable[..., Outputs]
    criterion: Criterion
    judge: Criterion
    train: Source
    validation: Source | None
    held: Held
    still: tuple[nn.Module, ...]
    needs_two_rows: bool

    @property
    def network(self) -> nn.Module:
        return self.held.network

    def train_mode(self) -> None:
        """Training mode, except for normalizations whose weights are frozen."""
        self.network.train()
        for module in self.still:
            module.eval()


def set_up(
    network: nn.Module,
    objectives: Objectives,
    splits: Splits,
    training: Training,
    execution: Execution,
) -> Setup:
    """Moves the network to its device and layout and prepares everything around it.

    Raises `TrainingError` where network, data and settings do not fit together.
    """
    freeze(network, training.freeze)
    layout = torch.channels_last if execution.channels_last else torch.contiguous_format
    network.to(device=execution.device, memory_format=layout)  # type: ignore[call-overload]
    _settle_group_norms(network)
    objective = objectives.train
    form = _form(network, objective, splits["train"], execution)
    trained = {key: p for key, p in network.named_parameters() if p.requires_grad}
    if not trained:
        raise TrainingError("No weight is left to train; take patterns out of freeze.")
    held = Held(network, Update(training.optimizer, trained, execution.fused), None, {})
    if training.ema is not None:
        held.averages = Averages(training.ema, trained)
    outputs = score_function(network, objective)
    validation, still = splits.get("validation"), _still(network)
    return Setup(
        training,
        execution,
        torch.compile(outputs) if execution.compile else outputs,
        Criterion(objective, execution.device, form.dtype),
        Criterion(objectives.judge, execution.device, form.dtype),
        Source(splits["train"], form, Change(_augment(training), training.seed)),
        None if validation is None else Source(validation, form),
        held,
        still,
        any(isinstance(m, _BatchNorm) and m not in still for m in network.modules()),
    )


def _settle_group_norms(network: nn.Module) -> None:
    """Keeps PyTorch from ending the process: on a CPU its backward pass of a channels_last
    GroupNorm writes the gradient of the input to address 0 where that needs none (2.13)."""
    for module in network.modules():
        if (
            isinstance(module, nn.GroupNorm)
            and _contiguous not in module._forward_pre_hooks.values()
        ):
            module.register_forward_pre_hook(_contiguous)


def _contiguous(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Inputs that need no gradient in a pass that makes some, in rows, where another kernel
    serves."""
    if not torch.is_grad_enabled():
        return inputs
    return tuple(x if x.requires_grad else x.contiguous() for x in inputs)


def freeze(network: nn.Module, patterns: tuple[str, ...]) -> None:
    """Stops the training of parameters whose path, or a block around them, matches a glob; one
    that its network never trains (the second bias of an LSTM) stays as it is."""
    keys = [key for key, _ in network.named_parameters()]
    for pattern in patterns:
        if not any(_matches(key, pattern) for key in keys):
            hint = nearest(pattern, sorted({k.rpartition(".")[0] or k for k in keys}))
            raise TrainingError(f"The pattern {pattern!r} in freeze matches no weight; {hint}")
    for key, parameter in network.named_parameters():
        if any(_matches(key, pattern) for pattern in patterns):
            parameter.requires_grad_(False)


def _matches(key: str, pattern: str) -> bool:
    parts = key.split(".")
    around = (".".join(parts[:n]) for n in range(1, len(parts) + 1))
    return any(fnmatch.fnmatchcase(path, pattern) for path in around)


def _still(network: nn.Module) -> tuple[nn.Module, ...]:
    """Batch normalizations with frozen weights: as in Keras, they keep their statistics too."""
    found = []
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if isinstance(module, _BatchNorm) and own and not any(p.requires_grad for p in own):
            found.append(module)
    return tuple(found)


def _form(
    network: nn.Module, objective: Objective, train: Rows | Stream, execution: Execution
) -> Form:
    floats = (p.dtype for p in network.parameters() if p.dtype.is_floating_point)
    return Form(
        objective.inputs or _input_names(train),
        tuple(objective.losses),
        execution.device,
        next(floats, torch.float32),
        execution.channels_last,
    )


def _input_names(train: Rows | Stream) -> tuple[str, ...]:
    return tuple(train.inputs) if isinstance(train, Rows) else (train.name,)


def _augment(training: Training) -> Augment | None:
    given = training.augment
    if isinstance(given, Mapping):
        given = build(Augment, given, "setting augment")
    return given if given is not None and given.active else None
