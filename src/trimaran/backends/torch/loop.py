"""How PyTorch turns batches into updates: the engine under `training.loop`."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from trimaran.backends.torch import masks, memory, state
from trimaran.backends.torch.allocator import keep_memory
from trimaran.backends.torch.drawing import drawing, drops
from trimaran.backends.torch.execution import check_possible, fingerprint, prepared
from trimaran.backends.torch.health import Watch, gradient_sizes
from trimaran.backends.torch.memory import Batch
from trimaran.backends.torch.optimizers import clip
from trimaran.backends.torch.passes import Passes
from trimaran.backends.torch.scoring import score
from trimaran.backends.torch.setup import Setup, Splits, set_up
from trimaran.backends.torch.tally import Waiting
from trimaran.backends.torch.weights import arrays
from trimaran.errors import TrainingError
from trimaran.tasks.loss import Objective
from trimaran.training import loop
from trimaran.training.checkpoint import Place
from trimaran.training.engine import Groups, Objectives, Sums, Update
from trimaran.training.events import Event
from trimaran.training.execution import Execution
from trimaran.training.health import LayerHealth
from trimaran.training.settings import Training


class TorchEngine:
    """See `training.engine.Engine`. It works on the network that it was given, in place."""

    span = 1

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.held = setup.held
        self.trained = sum(p.numel() for p in setup.held.update.parameters.values())
        self.needs_two_rows = setup.needs_two_rows
        self._passes = Passes(setup)
        self._waiting = Waiting(setup.criterion)
        self._order: Sequence[np.ndarray] = ()
        self._batches: Generator[Batch, None, None] | None = None

    def begin(self, epoch: int, order: Sequence[np.ndarray], start: int) -> None:
        """Open an epoch's batches, in training mode."""
        self.end()
        self.setup.train_mode()
        self._order = order
        self._batches = self.setup.train.batches(order, start, epoch)

    def end(self) -> None:
        """Close the epoch's batches."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None

    def update(self, updates: Sequence[Update], watch: bool = False) -> tuple[LayerHealth, ...]:
        """Make these updates in turn."""
        health: tuple[LayerHealth, ...] = ()
        for number, update in enumerate(updates):
            health = self._update(update, watch and number == 0) or health
        return health

    def _update(self, update: Update, watched: bool) -> tuple[LayerHealth, ...]:
        """One update of the weights from the gradients of its batches."""
        setup, held = self.setup, self.held
        group = self._order[update.first : update.first + update.batches]
        totals = self._totals(group) if len(group) > 1 else None
        watch = None
        assert self._batches is not None
        for batch, seed in zip(
            itertools.islice(self._batches, len(group)), update.seeds, strict=True
        ):
            if watched and watch is None:
                watch = Watch(setup.network, batch.inputs)
            alone = not watched and not update.masks
            with masks.injected(setup.network, update.masks):
                self._waiting.add(self._passes(batch, seed, totals, alone))
        training = setup.training
        if training.clip_norm is not None or training.clip_value is not None:
            clip(held.update.gradients(), training.clip_norm, training.clip_value)
        sizes = gradient_sizes(setup.network) if watch else {}
        held.update.step(update.rate)
        held.update.clear()
        if held.averages:
            held.averages.follow(update.number)
        return watch.layers(sizes) if watch else ()

    def _totals(self, group: Sequence[np.ndarray]) -> dict[str, torch.Tensor | float]:
        """The denominators of all rows of an update."""
        targets, weights = self.setup.train.labels(np.concatenate(group))
        criterion = self.setup.criterion
        return {k: criterion.row_weights(k, targets[k], weights)[1] for k in criterion.losses}

    def drain(self) -> Sums:
        """What the batches since the last call left behind."""
        return self._waiting.drain()

    def score(self, batch_size: int) -> Sums:
        """The validation split, with the averages where there are any."""
        setup = self.setup
        if setup.validation is None:
            return Sums((), {})
        with self._averaged():
            return score(setup.network, setup.outputs, setup.judge, setup.validation, batch_size)

    def keep(self) -> None:
        """Remember the weights, averaged where they are, as the best."""
        with self._averaged():
            self.held.best = state.copy_of(self.held.network)

    def finish(self) -> None:
        """Take the weights to be kept."""
        if self.held.best:
            self.held.network.load_state_dict(self.held.best)
        elif self.held.averages:
            self.held.averages.swap()

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        averages = self.held.averages
        if averages:
            averages.swap()
        try:
            yield
        finally:
            if averages:
                averages.swap()

    def state(self) -> dict[str, dict[str, np.ndarray]]:
        """The groups of a checkpoint."""
        return state.capture(self.held)

    def restore(self, groups: Groups, count: int) -> None:
        """Fill everything from such groups."""
        state.restore(self.held, groups, count)

    def weights(self) -> dict[str, np.ndarray]:
        """The network's arrays."""
        return arrays(self.held.network)

    def fingerprint(self) -> dict[str, Any]:
        """Version and CPU, under which the bits repeat."""
        return fingerprint()


@contextlib.contextmanager
def engine(
    network: nn.Module,
    objectives: Objectives,
    splits: Splits,
    training: Training,
    execution: Execution,
) -> Iterator[TorchEngine]:
    """The engine of a network, in a process that executes as asked while it is open.

    The network takes the inputs in the objective's order (images NCHW), has `forward` and, if it
    ends in a head, `logits`.
    """
    if "train" not in splits:
        raise TrainingError("The data has no split named 'train'; add one to train on.")
    check_possible(execution)
    with prepared(execution):
        made = TorchEngine(_drawn(set_up(network, objectives, splits, training, execution)))
        try:
            yield made
        finally:
            made.end()


def _drawn(setup: Setup) -> Setup:
    """With the masks of dropout drawn as `drawing` does, where a CPU calls the network."""
    execution = setup.execution
    if execution.device != "cpu" or execution.compile or not drops(setup.network):
        return setup
    return replace(setup, outputs=drawing(setup.outputs))


def fit(
    network: nn.Module,
    objective: Objective,
    splits: Splits,
    training: Training,
    execution: Execution,
    place: Place | None = None,
) -> Iterator[Event]:
    """Trains `network` in place on splits["train"], yielding what happens; see `training.loop`.
    The process keeps freed memory from here on: steps are many, and need the same again."""

    def make(
        objectives: Objectives, resolved: Execution
    ) -> contextlib.AbstractContextManager[TorchEngine]:
        return engine(network, objectives, splits, training, resolved)

    keep_memory()
    try:
        yield from loop.fit(make, objective, splits, training, execution, place)
    except torch.OutOfMemoryError as error:
        raise TrainingError(memory.advice(training, place)) from error
