"""Rows on the way to the network: resident tensors, gathered in chunks of a few batches.

A gather, a conversion and a permutation per batch cost more than the batch of a small network,
so they are made once for a chunk that fits the cache, and batches are views of it. Where chunks
begin depends on the batch's number alone, so a resumed epoch sees the very same memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trimaran.backends.torch.moving import moved
from trimaran.data.augment import Augment, augment_rows, moves
from trimaran.data.batches import Affine, Rows
from trimaran.data.stream import Stream
from trimaran.errors import TrainingError
from trimaran.training.checkpoint import Place, steps
from trimaran.training.settings import Training

# Bytes of float inputs made at once: they should lie in the cache when their batch comes.
CHUNK_BYTES = 2 << 20
# On a GPU each chunk costs calls and waiting, and memory is plenty.
GPU_CHUNK_BYTES = 64 << 20


@dataclass(frozen=True)
class Batch:
    """One batch on the device: inputs in the network's order (images NCHW), targets by output.

    number: its place in the epoch, from 0
    """

    number: int
    inputs: tuple[Tensor, ...]
    targets: dict[str, Tensor]
    weights: Tensor | None

    def __len__(self) -> int:
        return len(self.inputs[0])


@dataclass(frozen=True)
class Form:
    """How arrays become a network's inputs."""

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    channels_last: bool = True


@dataclass(frozen=True)
class Change:
    """The random changes of training rows: drawn by seed, epoch and row."""

    augment: Augment | None = None
    seed: int = 0


class Source:
    """A split as batches of tensors.

    Resident `Rows` are gathered by index, uint8 first and converted after; a `Stream` brings its
    batches decoded.
    """

    def __init__(self, split: Rows | Stream, form: Form, change: Change | None = None) -> None:
        self.split, self.form = split, form
        self.change = change or Change()
        self._affine = {name: _Affine(affine, form) for name, affine in split.affine.items()}
        self._home = "cpu"
        self._inputs: dict[str, Tensor] = {}
        self._targets = {
            name: _tensor(split.targets[name]).to(form.device) for name in _targets(split, form)
        }
        self._weights = None if split.weights is None else _tensor(split.weights).to(form.device)
        if isinstance(split, Rows):
            self._inputs = {name: _tensor(split.inputs[name]) for name in form.inputs}
            self._go_home()
        self._lengths = split.lengths if isinstance(split, Rows) else {}
        self._buffers: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return len(self.split)

    def _go_home(self) -> None:
        """Keeps the set on a GPU that has room for it twice over, and can change it there."""
        augment = self.change.augment
        if self.form.device != "cuda" or not (augment is None or augment.only_moves):
            return
        size = sum(t.nbytes for t in self._inputs.values())
        if size * 2 < torch.cuda.mem_get_info()[0]:
            self._home = "cuda"
            self._inputs = {name: t.to("cuda") for name, t in self._inputs.items()}

    def batches(
        self, order: Sequence[np.ndarray], start: int = 0, epoch: int = 0
    ) -> Generator[Batch, None, None]:
        """The batches of `order` from number `start` on.

        The inputs of a batch are overwritten after the next one is asked for.
        """
        if isinstance(self.split, Stream):
            yield from self._streamed(self.split, order, start, epoch)
            return
        several = self._several(max(len(index) for index in order))
        for first in range(start // several * several, len(order), several):
            group = order[first : first + several]
            index = np.concatenate(group) if len(group) > 1 else group[0]
            inputs = self._gather(index, epoch)
            yield from self._cut(first, group, inputs, self.labels(index), start)

    def _several(self, size: int) -> int:
        """How many batches make a chunk."""
        row = sum(4 * t[0].numel() for t in self._inputs.values())
        most = CHUNK_BYTES if self._home == "cpu" else GPU_CHUNK_BYTES
        return max(1, most // max(row * size, 1))

    def _longest(self, name: str, index: np.ndarray) -> int:
        """Steps of the batch's longest row, behind which there is only padding."""
        return int(max(self._lengths[name][index].max(initial=1), 1))

    def labels(self, index: np.ndarray) -> tuple[dict[str, Tensor], Tensor | None]:
        """Targets by output, and sample weights, of the rows at `index`, on the device."""
        at = torch.from_numpy(index).to(self.form.device)
        targets = {k: t.index_select(0, at) for k, t in self._targets.items()}
        weights = self._weights
        return targets, None if weights is None else weights.index_select(0, at)

    def _gather(self, index: np.ndarray, epoch: int) -> tuple[Tensor, ...]:
        if self.change.augment is None:
            at = torch.from_numpy(index).to(self._home)
            raw = {name: self._select(name, t, at) for name, t in self._inputs.items()}
        else:
            raw = self._changed(index, epoch, self.change.augment)
        return tuple(self._convert(name, raw[name]) for name in self.form.inputs)

    def _changed(self, index: np.ndarray, epoch: int, augment: Augment) -> dict[str, Tensor]:
        """The rows with their random changes, made where the set lies."""
        assert isinstance(self.split, Rows)
        if self._home == "cpu":
            rows = augment_rows(self.split.take(index), augment, self.change.seed, epoch)
            return {name: _tensor(rows.inputs[name]) for name in self.form.inputs}
        drawn = moves(augment, self.change.seed, epoch, self.split.ids[index])
        at, offsets, mirrored = (torch.from_numpy(a).to(self._home) for a in (index, *drawn))
        return {
            name: moved(t, at, offsets, mirrored) if t.ndim == 4 else t.index_select(0, at)
            for name, t in self._inputs.items()
        }

    def _select(self, name: str, values: Tensor, at: Tensor) -> Tensor:
        out = self._buffer(f"{name} raw", (len(at), *values.shape[1:]), values.dtype, self._home)
        return torch.index_select(values, 0, at, out=out)

    def _buffer(self, name: str, shape: tuple[int, ...], dtype: torch.dtype, device: str) -> Tensor:
        """The first rows of a tensor that is made once: fresh memory costs a page fault each."""
        held = self._buffers.get(name)
        if held is None or len(held) < shape[0]:
            held = self._buffers[name] = torch.empty(shape, dtype=dtype, device=device)
        return held[: shape[0]]

    def _convert(self, name: str, raw: Tensor) -> Tensor:
        form = self.form
        if form.device == "cuda" and raw.device.type == "cpu":
            raw = raw.pin_memory()  # else the copy waits for all that the GPU still has to do
        raw = raw.to(form.device, non_blocking=True)
        if name in self._affine:
            values = self._buffer(name, tuple(raw.shape), form.dtype, form.device)
            self._affine[name](values.copy_(raw))
        elif raw.dtype in (torch.uint8, torch.float32, torch.float64):
            values = raw.to(form.dtype)
        else:
            values = raw
        if values.ndim != 4:
            return values
        values = values.permute(0, 3, 1, 2)
        return values if form.channels_last else values.contiguous()

    def _cut(
        self,
        first: int,
        group: Sequence[np.ndarray],
        inputs: tuple[Tensor, ...],
        labels: tuple[dict[str, Tensor], Tensor | None],
        start: int,
    ) -> Generator[Batch, None, None]:
        targets, weights = labels
        begin = 0
        for number, index in enumerate(group, first):
            end = begin + len(index)
            if number >= start:
                yield Batch(
                    number,
                    tuple(
                        values[begin:end, : self._longest(name, index)]
                        if name in self._lengths
                        else values[begin:end]
                        for name, values in zip(self.form.inputs, inputs, strict=True)
                    ),
                    {name: values[begin:end] for name, values in targets.items()},
                    None if weights is None else weights[begin:end],
                )
            begin = end

    def _streamed(
        self, stream: Stream, order: Sequence[np.ndarray], start: int, epoch: int
    ) -> Generator[Batch, None, None]:
        change = self.change
        found = stream.batches(order[start:], change.augment, epoch, change.seed)
        for number, rows in enumerate(found, start):
            raw = {name: _tensor(rows.inputs[name]) for name in self.form.inputs}
            inputs = tuple(self._convert(name, raw[name]) for name in self.form.inputs)
            yield Batch(number, inputs, *self.labels(order[number]))


def advice(training: Training, place: Place | None) -> str:
    """What to try where a GPU's memory does not suffice, and what is saved."""
    half, joined = max(1, training.batch_size // 2), 2 * training.accumulate
    kept = steps(place.folder) if place else []
    saved = f" The checkpoint {kept[-1].name} is sound." if kept else ""
    return (
        f"The GPU has too little memory for batches of {training.batch_size} rows; try "
        f"training.batch_size={half} training.accumulate={joined}, which makes updates from as "
        f"many rows, or training.precision=bfloat16, and if it ran out while scoring, "
        f"training.evaluate_batch_size={max(1, training.evaluate_batch_size // 2)}.{saved}"
    )


def _tensor(values: np.ndarray) -> Tensor:
    """The array as a tensor, without a copy where that is possible."""
    with warnings.catch_warnings():
        # A read-only array is fine: nothing here writes to its source.
        warnings.filterwarnings("ignore", message=".*not writable.*")
        return torch.from_numpy(np.ascontiguousarray(values))


class _Affine:
    """stored * scale + offset in place, in the two roundings of `Affine.apply`.

    Channels are spread over whole rows, because arithmetic along a short last axis is not
    vectorised: on 3 channels it takes 5 times as long.
    """

    def __init__(self, affine: Affine, form: Form) -> None:
        options = {"dtype": form.dtype, "device": form.device}
        self._scale = torch.tensor(affine.scale, **options)  # type: ignore[arg-type]
        self._offset = torch.tensor(affine.offset, **options)  # type: ignore[arg-type]
        self._shifts = any(affine.offset)

    def __call__(self, values: Tensor) -> None:
        rows = values.flatten(1)
        self._scale, self._offset = (
            self._spread(rows, self._scale),
            self._spread(rows, self._offset),
        )
        rows.mul_(self._scale)
        if self._shifts:
            rows.add_(self._offset)

    @staticmethod
    def _spread(rows: Tensor, numbers: Tensor) -> Tensor:
        several = 1 < len(numbers) < rows.shape[1]
        return numbers.repeat(rows.shape[1] // len(numbers)) if several else numbers


def _targets(split: Rows | Stream, form: Form) -> tuple[str, ...]:
    missing = [name for name in form.targets if name not in split.targets]
    if missing:
        raise TrainingError(
            f"The model's output {missing[0]!r} has a loss but no target in the data; targets are "
            f"{', '.join(split.targets)}."
        )
    return form.targets
