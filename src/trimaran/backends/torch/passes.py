"""The forward and backward pass of a batch: call by call, or replayed as one call of a GPU.

A step of a small network is some hundred kernels of a few microseconds each, and calling them from
Python takes several times as long as running them. CUDA records the calls of one batch as a graph
and repeats them all at once, on other rows that were copied to the same place.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trimaran.backends.torch.memory import Batch
from trimaran.backends.torch.scoring import entry_of
from trimaran.backends.torch.setup import Setup
from trimaran.backends.torch.tally import Entry

Totals = Mapping[str, Tensor | float] | None

# Batches that go by before one is recorded: libraries load and choose their algorithms with them.
WARM = 3
# A recorded batch keeps its memory, and batches that are not replayed need theirs beside it: none
# is recorded unless so many times the peak is free.
ROOM = 2


def seed_generators(device: str, seed: int) -> None:
    """Dropout draws from the batch's own seed, so a resumed run draws the same."""
    torch.default_generator.manual_seed(seed)
    if device == "cuda":
        torch.cuda.manual_seed(seed)


def forward(setup: Setup, batch: Batch, totals: Totals = None) -> tuple[Entry, Tensor]:
    """What the batch leaves behind, and its loss with the graph of gradients; `totals` are the
    update's denominators if not the batch's."""
    execution = setup.execution
    if execution.precision == "bfloat16":
        with torch.autocast(execution.device, torch.bfloat16):
            found = setup.outputs(*batch.inputs)
    else:
        found = setup.outputs(*batch.inputs)
    entry = entry_of(batch.number, setup.criterion, found, batch.targets, batch.weights)
    loss = setup.criterion.mean(entry.sums, totals or entry.totals)
    return entry.detached(), loss


def backward(setup: Setup, batch: Batch, totals: Totals = None) -> Entry:
    """Adds the batch's gradients, call by call."""
    entry, loss = forward(setup, batch, totals)
    # Not torch.autograd.backward with slopes for the sums, which imports SymPy: 0.7 s.
    loss.backward()  # type: ignore[no-untyped-call]
    return entry


class Replay:
    """The gradients of batches of one shape, on a GPU, in one call."""

    def __init__(self, setup: Setup, like: Batch) -> None:
        self._like = Batch(
            0,
            tuple(values.clone() for values in like.inputs),
            {name: values.clone() for name, values in like.targets.items()},
            None if like.weights is None else like.weights.clone(),
        )
        self._parameters = list(setup.held.update.parameters.values())
        # Made here, in their parameters' strides, which what autograd returns need not have.
        self._gradients = [torch.zeros_like(p) for p in self._parameters]
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._entry = self._record(setup)

    def _record(self, setup: Setup) -> Entry:
        entry, loss = forward(setup, self._like)
        # Not loss.backward(), which adds to the gradients in the stream that made them.
        found = torch.autograd.grad(loss, self._parameters, allow_unused=True)
        pairs = zip(self._gradients, found, strict=True)
        reached = [(own, made) for own, made in pairs if made is not None]
        torch._foreach_copy_([own for own, _ in reached], [made for _, made in reached])
        return entry

    def fits(self, batch: Batch) -> bool:
        """Whether this batch has the shape of the recorded one."""
        pairs = zip(batch.inputs, self._like.inputs, strict=True)
        return all(given.shape == own.shape for given, own in pairs)

    def __call__(self, batch: Batch) -> Entry:
        """Sets the gradients to the batch's."""
        for own, given in zip(_tensors(self._like), _tensors(batch), strict=True):
            own.copy_(given)
        self._graph.replay()
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.grad = gradient
        return _copy(self._entry, batch)


def _copy(made: Entry, batch: Batch) -> Entry:
    """What was made of this batch, out of the memory that the next one overwrites."""
    return Entry(
        batch.number,
        {name: value.clone() for name, value in made.sums.items()},
        {k: v.clone() if isinstance(v, Tensor) else v for k, v in made.totals.items()},
        {name: value.clone() for name, value in made.outputs.items()},
        batch.targets,
    )


def _tensors(batch: Batch) -> list[Tensor]:
    weights = [] if batch.weights is None else [batch.weights]
    return [*batch.inputs, *batch.targets.values(), *weights]


class Passes:
    """Chooses for each batch: what has been recorded is replayed."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._seen, self._waits = 0, True
        self._replay: Replay | None = None

    def __call__(self, batch: Batch, seed: int, totals: Totals, alone: bool) -> Entry:
        """The batch's gradients, and what it leaves behind. `alone`: the whole network's own
        update, with nothing injected; only such a batch may be replayed."""
        setup = self._setup
        seed_generators(setup.execution.device, seed)
        if alone and totals is None and setup.execution.replay:
            replay = self._recorded(batch)
            if replay is not None and replay.fits(batch):
                return replay(batch)
        return backward(setup, batch, totals)

    def _recorded(self, batch: Batch) -> Replay | None:
        """What is replayed: recorded at the first full batch after the warm ones."""
        self._seen += 1
        full = len(batch) == self._setup.training.batch_size
        if self._waits and self._seen > WARM and full:
            self._waits = False
            self._replay = Replay(self._setup, batch) if _room() else None
        return self._replay


def _room() -> bool:
    """Whether the GPU has memory to keep a batch's beside what other batches need."""
    torch.cuda.empty_cache()
    return torch.cuda.mem_get_info()[0] > ROOM * torch.cuda.max_memory_allocated()
