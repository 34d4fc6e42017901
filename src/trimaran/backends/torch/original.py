"""The user's own module as a network and an engine, beside what was made of it.

It takes and gives what the emitted module does, so the losses, the loop and the ladder meet the
module itself. Its arrays have the same keys, so its updates are compared too.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from trimaran.backends.protocol import Forward, Gradients, Translation
from trimaran.backends.torch.build import TorchNetwork, to_numpy
from trimaran.backends.torch.dropping import Dropping, Heads
from trimaran.backends.torch.execution import prepared
from trimaran.backends.torch.from_torch import reading
from trimaran.backends.torch.loop import TorchEngine
from trimaran.backends.torch.masks import in_own_layout
from trimaran.backends.torch.reading.example import example_of, typed
from trimaran.backends.torch.reading.read import Read
from trimaran.backends.torch.reading.values import Axes
from trimaran.backends.torch.reading.verify import named, turned
from trimaran.backends.torch.setup import Setup, Splits, set_up
from trimaran.backends.torch.weights import assign
from trimaran.data.batches import Affine
from trimaran.spec.dropping import dropping
from trimaran.spec.layer import known
from trimaran.spec.layers import PositionEmbedding
from trimaran.spec.layout import layouts
from trimaran.spec.model import Model
from trimaran.training.engine import Objectives, Update
from trimaran.training.execution import Execution
from trimaran.training.health import LayerHealth
from trimaran.training.settings import Training

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Original:
    """A module and what was read from it."""

    module: nn.Module
    read: Read

    @property
    def translation(self) -> Translation:
        """The description and the weights."""
        return Translation(self.read.model, self.read.weights)

    def build(self, model: Model, weights: Arrays, precision: str) -> OriginalNetwork:
        """The module with these weights, as a network that answers."""
        return OriginalNetwork(self, weights, precision)

    @contextmanager
    def engine(
        self,
        model: Model,
        weights: Arrays,
        precision: str,
        objectives: Objectives,
        splits: Splits,
        training: Training,
    ) -> Iterator[OriginalEngine]:
        """The module with these weights, as what learns."""
        # Not channels_last, under which a view in the user's code can fail.
        execution = Execution(precision=precision, threads=1, channels_last=False)
        with prepared(execution):
            own = adapted(self, weights, precision)
            setup = set_up(own, objectives, splits, training, execution)
            made = OriginalEngine(setup, dropouts(self.read.model))
            try:
                yield made
            finally:
                made.end()

    def masks(self, model: Model, masks: Arrays) -> dict[str, np.ndarray]:
        """Channels-last masks in the module's own order of axes."""
        flat = {leaf.path for leaf in model.leaves if leaf.output in layouts(model).flat}
        taps = self.read.taps  # weights of an attention lie alike on all sides
        own = in_own_layout(model, {k: v for k, v in masks.items() if k in flat or k not in taps})
        return {
            path: own[path] if path in own else _as_torch(mask, taps[path])
            for path, mask in masks.items()
        }


def original(module: nn.Module, example: Any) -> Original:
    """Read a module, and keep it as the first side of a ladder; see `trimaran.from_torch`."""
    found = reading(module, example_of(example))
    return Original(found.module, found)


def dropouts(model: Model) -> tuple[str, ...]:
    """The paths of the dropouts in the order of their calls."""
    found = map(dropping, model.leaves)
    return tuple(path for path, rate, _ in found if rate)


class _Outside(nn.Module):
    """The module's parts under their own names, with another `forward` and `logits`: its own
    methods may be called so, too."""

    inner: nn.Module

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self._modules, self._parameters = inner._modules, inner._parameters
        self._buffers = inner._buffers
        self._non_persistent_buffers_set = inner._non_persistent_buffers_set
        object.__setattr__(
            self, "inner", inner
        )  # not as a part, whose names would begin with "inner."

    def train(self, mode: bool = True) -> Self:
        self.inner.train(mode)
        return super().train(mode)


def adapted(given: Original, weights: Arrays, precision: str) -> nn.Module:
    """A copy of the module that takes and returns what the emitted module does, with `logits` where
    it ends in a head."""
    inner, read = copy.deepcopy(given.module).to("cpu").float(), given.read
    own = _Outside(inner)
    assign(own, weights, precision)
    own.requires_grad_(True)
    for key, parameter in read.model.parameters.items():
        if not parameter.trainable and key in dict(inner.named_parameters()):
            inner.get_parameter(key).requires_grad_(False)  # one bias of two that are added
    names = list(read.outputs)

    def arranged(inputs: Sequence[Tensor]) -> list[Tensor]:
        pairs = zip(inputs, read.inputs, strict=True)
        return [_back(tensor, axes) for tensor, axes in pairs]

    def returned(found: Mapping[str, Tensor]) -> Any:
        turns = {name: turned(found[name], read.outputs[name]) for name in names}
        return turns if len(turns) > 1 else turns[names[0]]

    dtype = torch.float64 if precision == "float64" else torch.float32

    def forward(*inputs: Tensor) -> Any:
        with typed(dtype):
            return returned(named(inner(*arranged(inputs)), names))

    def logits(*inputs: Tensor) -> Any:
        with typed(dtype), Heads() as heads:
            found = named(inner(*arranged(inputs)), names)
        peeled = {k: _logits(heads, found[k], head) for k, head in read.model.heads.items()}
        return returned({**found, **peeled})

    own.forward = forward
    if read.model.heads:
        own.__dict__["logits"] = logits
    return own


def _logits(heads: Heads, output: Tensor, head: str) -> Tensor:
    """What the head took; where it is not seen, what gives the same probabilities."""
    taken = heads.below(output)
    if taken is not None:
        return taken
    return output.log() if head == "softmax" else output.log() - torch.log1p(-output)


def _back(tensor: Tensor, axes: Axes) -> Tensor:
    """An input of the emitted module as the user's module takes it; `view` needs it whole."""
    last = tensor.permute(0, 2, 3, 1) if len(axes) == 3 else tensor
    order = (axes.index(axis) + 1 for axis in range(1, len(axes) + 1))
    return last.permute(0, *order).clone(memory_format=torch.contiguous_format)


def _as_torch(mask: np.ndarray, axes: Axes) -> np.ndarray:
    order = sorted(range(len(axes)), key=lambda position: axes[position])
    return np.ascontiguousarray(np.transpose(mask, (0, *(i + 1 for i in order))))


class OriginalNetwork(TorchNetwork):
    """See `backends.protocol.Network`. Taps are the modules of torch.nn that are one layer."""

    def __init__(self, given: Original, weights: Arrays, precision: str) -> None:
        self.given = given
        self.model = given.read.model
        self.source = _source(given.module)
        self.precision, self.device = precision, "cpu"
        self.module = adapted(given, weights, precision)
        tags = layouts(self.model)
        leaves = self.model.leaves
        self._flat = {
            leaf.path: tags.flat[leaf.output] for leaf in leaves if leaf.output in tags.flat
        }
        made = {leaf.output: leaf.path for leaf in leaves}
        self._heads = {made[value]: name for name, value in self.model.outputs if value in made}
        # A table of positions gives its rows alone, and the layer their sum with what it took.
        told = {leaf.path for leaf in leaves if not isinstance(leaf.layer, PositionEmbedding)}
        self._heard = told & {
            path for path, module in self.module.named_modules() if _is_layer(module)
        }

    def forward(
        self,
        inputs: Arrays,
        taps: Sequence[str] = (),
        training: bool = False,
        masks: Arrays | None = None,
        affine: Mapping[str, Affine] | None = None,
    ) -> Forward:
        """Outputs and what can be tapped, for a channels-last batch."""
        own = self.given.masks(self.model, masks or {})
        with Dropping(own[path] for path in dropouts(self.model) if path in own):
            return super().forward(inputs, taps, training, None, affine)

    def gradients(
        self,
        inputs: Arrays,
        targets: Arrays,
        losses: Mapping[str, Any],
        taps: Sequence[str] = (),
    ) -> Gradients:
        """Loss and gradients in training mode, without dropout."""
        with Dropping():
            return super().gradients(inputs, targets, losses, taps)

    def undropped(self) -> AbstractContextManager[Any]:
        """`forward` and `gradients` say by themselves what is dropped."""
        return nullcontext()

    def _tapped(self, path: str, tensor: Tensor) -> np.ndarray:
        if path in self._flat:
            *spatial, channels = known(self._flat[path])
            maps = tensor.reshape(len(tensor), channels, *spatial)
            return to_numpy(maps, first=True).reshape(len(tensor), -1)
        if path in self._heads:  # an output, as the emitted module returns it
            return to_numpy(tensor, tensor.dim() == 4)
        axes = self.given.read.taps[path]
        units = [axis for axis in range(1, tensor.dim()) if axis not in axes]
        found = tensor.detach().permute(0, *axes, *units)
        return np.ascontiguousarray(found.reshape(found.shape[: len(axes) + 1]).numpy())

    @contextmanager
    def listening(self, taps: Sequence[str]) -> Iterator[dict[str, Tensor]]:
        """Collect what these modules return (the last call of one that is called again)."""
        heard: dict[str, Tensor] = {}

        def listener(path: str) -> Any:
            def listen(module: nn.Module, inputs: Any, output: Tensor) -> None:
                heard[path] = output.clone()  # the next layer may work in place

            return listen

        hooks = [
            self.module.get_submodule(path).register_forward_hook(listener(path))
            for path in taps
            if path in self._heard and path not in self._heads
        ]
        try:
            yield heard
        finally:
            for hook in hooks:
                hook.remove()


def _is_layer(module: nn.Module) -> bool:
    """A leaf of torch.nn, which does what its name says, and gives one tensor."""
    own = type(module).__module__.startswith("torch.nn.") and not any(module.children())
    return own and not isinstance(module, nn.RNNBase)


def _source(module: nn.Module) -> str:
    try:
        return inspect.getsource(type(module))
    except (OSError, TypeError):
        return ""


class OriginalEngine(TorchEngine):
    """See `training.engine.Engine`; masks reach its dropouts in the order of their calls."""

    def __init__(self, setup: Setup, order: tuple[str, ...]) -> None:
        super().__init__(setup)
        self.order = order

    def _update(self, update: Update, watched: bool) -> tuple[LayerHealth, ...]:
        masks = [update.masks[path] for path in self.order if path in update.masks]
        with Dropping(masks):
            return super()._update(replace(update, masks={}), watched)
