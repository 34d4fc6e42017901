"""A description as a PyTorch network that answers in NumPy, channels-last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from trimaran.backends.protocol import Forward, Gradients
from trimaran.backends.torch import source as sources
from trimaran.backends.torch.dropping import Dropping
from trimaran.backends.torch.emit import emit
from trimaran.backends.torch.execution import full_float32
from trimaran.backends.torch.gradients import batch_loss, derivatives
from trimaran.backends.torch.losses import score_function
from trimaran.backends.torch.masks import in_own_layout, injected
from trimaran.backends.torch.weights import arrays, assign
from trimaran.data.batches import Affine, unpacked
from trimaran.spec.layer import known
from trimaran.spec.layout import FIRST, layouts
from trimaran.spec.model import Model
from trimaran.tasks.loss import Objective


def module(
    model: Model,
    weights: Mapping[str, np.ndarray],
    precision: str = "float32",
    instrumented: bool = False,
) -> nn.Module:
    """The emitted source's network, holding these weights, in training mode."""
    built = sources.network(emit(model, instrumented))
    assign(built, weights, precision)
    return built


def to_torch(array: np.ndarray) -> torch.Tensor:
    """A channels-last batch as the module takes it: maps as (N, C, H, W), memory unchanged."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    return tensor.permute(0, 3, 1, 2) if tensor.dim() == 4 else tensor


def to_numpy(tensor: torch.Tensor, first: bool) -> np.ndarray:
    """A tensor in channels-last order; `first` says that its channels stand after the batch."""
    tensor = tensor.detach()
    if first and tensor.dim() > 2:
        tensor = tensor.movedim(1, -1)
    return np.ascontiguousarray(tensor.cpu().numpy())


class TorchNetwork:
    """The instrumented source with weights: every layer's output can be tapped."""

    def __init__(
        self, model: Model, weights: Mapping[str, np.ndarray], precision: str = "float32"
    ) -> None:
        self.model = model
        self.source = emit(model)
        self.precision, self.device = precision, "cpu"
        self.module = module(model, weights, precision, instrumented=True)
        for inner in self.module.modules():
            inner.listen = None  # type: ignore[assignment]
        tags = layouts(model)
        self._first = {leaf.path: tags.values[leaf.output] == FIRST for leaf in model.leaves}
        self._flat = {
            leaf.path: tags.flat[leaf.output] for leaf in model.leaves if leaf.output in tags.flat
        }
        peeled = {dict(model.outputs)[name]: name for name in model.heads}
        self._heads = {
            leaf.path: peeled[leaf.output] for leaf in model.leaves if leaf.output in peeled
        }

    def forward(
        self,
        inputs: Mapping[str, np.ndarray],
        taps: Sequence[str] = (),
        training: bool = False,
        masks: Mapping[str, np.ndarray] | None = None,
        affine: Mapping[str, Affine] | None = None,
    ) -> Forward:
        """Outputs and tapped values for a channels-last batch."""
        inputs = unpacked(inputs, affine)
        kept = injected(self.module, in_own_layout(self.model, masks) if masks else {})
        quiet, inside = _quiet(self.module, training), self.undropped()
        with (
            torch.inference_mode(),
            full_float32(),
            quiet,
            inside,
            kept,
            self.listening(taps) as heard,
        ):
            returned = self.module(*(self.exact(inputs) if training else self.tensors(inputs)))
        outputs = self._outputs(returned)
        heard |= {p: outputs[n] for p, n in self._heads.items() if p in taps}
        return Forward(
            {name: to_numpy(t, t.dim() == 4) for name, t in outputs.items()},
            {path: self._tapped(path, t) for path, t in heard.items()},
        )

    def gradients(
        self,
        inputs: Mapping[str, np.ndarray],
        targets: Mapping[str, np.ndarray],
        losses: Mapping[str, Any],
        taps: Sequence[str] = (),
    ) -> Gradients:
        """Loss and gradients in training mode, without dropout."""
        tensors = self.exact(inputs)
        floats = {
            port.name: tensor.requires_grad_()
            for port, tensor in zip(self.model.inputs, tensors, strict=True)
            if tensor.is_floating_point()
        }
        goals = {
            name: torch.from_numpy(np.array(value)).to(self.device)
            for name, value in targets.items()
        }
        with _quiet(self.module, True), self.undropped():
            with self.listening(taps) as heard:
                outputs = score_function(self.module, Objective(dict(losses)))(*tensors)
            loss = batch_loss(outputs, goals, losses)
            own, given, tapped = derivatives(loss, self.module, [*floats.values()], heard)
        return Gradients(
            float(loss.detach()),
            {name: gradient.cpu().numpy() for name, gradient in own.items()},
            {name: to_numpy(g, g.dim() == 4) for name, g in zip(floats, given, strict=True)},
            {path: self._tapped(path, g) for path, g in tapped.items()},
        )

    def undropped(self) -> AbstractContextManager[Any]:
        """While entered, attention drops nothing by itself: its dropout is no module."""
        return Dropping()

    def weights(self) -> dict[str, np.ndarray]:
        """All arrays by their key in `model.safetensors`."""
        return arrays(self.module)

    def tensors(self, inputs: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        """The inputs in the order of the module's arguments, in the network's precision."""
        dtype = getattr(torch, self.precision)
        return [
            to_torch(inputs[port.name]).to(
                self.device, dtype if port.dtype == "float32" else torch.int32
            )
            for port in self.model.inputs
        ]

    def exact(self, inputs: Mapping[str, np.ndarray]) -> list[torch.Tensor]:
        """The inputs for a pass in training mode, in rows: of these PyTorch sums up the statistics
        of batch normalization in float64, of channels_last maps in float32 (2.13)."""
        return [tensor.contiguous() for tensor in self.tensors(inputs)]

    def _tapped(self, path: str, tensor: torch.Tensor) -> np.ndarray:
        """A leaf's output, or its gradient, in channels-last order."""
        if path in self._flat:
            *spatial, channels = known(self._flat[path])
            maps = tensor.reshape(len(tensor), channels, *spatial)
            return to_numpy(maps, first=True).reshape(len(tensor), -1)
        return to_numpy(tensor, self._first[path])

    def _outputs(self, returned: Any) -> dict[str, torch.Tensor]:
        return returned if isinstance(returned, dict) else {self.model.outputs[0][0]: returned}

    @contextmanager
    def listening(self, taps: Sequence[str]) -> Iterator[dict[str, torch.Tensor]]:
        """Collect the outputs of the leaves at these paths (the last call of a shared one).

        The outputs of a peeled head are not heard here: they are the network's outputs.
        """
        heard: dict[str, torch.Tensor] = {}
        if not taps:
            yield heard
            return
        wanted = set(taps)

        def listener(prefix: str) -> Any:
            def listen(name: str, x: torch.Tensor) -> torch.Tensor:
                path = f"{prefix}.{name}" if prefix else name
                if path in wanted:
                    heard[path] = x[0] if isinstance(x, tuple) else x
                    if torch.is_grad_enabled() and not heard[path].requires_grad:
                        heard[path].requires_grad_()  # numbers made one-hot hang on nothing
                return x

            return listen

        for prefix, inner in self.module.named_modules():
            inner.listen = listener(prefix)
        try:
            yield heard
        finally:
            for inner in self.module.modules():
                # Found at once, where a missing attribute is not.
                inner.listen = None  # type: ignore[assignment]


@contextmanager
def _quiet(network: nn.Module, training: bool) -> Iterator[None]:
    """Training mode with dropout off and running statistics left as they were."""
    if not training:  # nothing moves
        if network.training:
            network.eval()
        yield
        return
    kept = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train()
    for inner in network.modules():
        if isinstance(inner, nn.Dropout):
            inner.eval()
    try:
        yield
    finally:
        for name, buffer in network.named_buffers():
            buffer.copy_(kept[name])


def module_of(
    backend: TorchBackend,
    model: Model,
    weights: Mapping[str, np.ndarray],
    precision: str = "float32",
) -> nn.Module:
    """The network that a run trains."""
    return module(model, weights, precision)


def move(network: TorchNetwork, device: str) -> None:
    """Have the network answer on this device, in place."""
    network.device = device
    network.module.to(device)


def backend(name: str) -> TorchBackend:
    """The backend of this room."""
    return TorchBackend()


class TorchBackend:
    """The backend "torch"; see `trimaran.backends.protocol.Backend`."""

    name = "torch"

    def emit(self, model: Model) -> str:
        """The source of the network."""
        return emit(model)

    def build(
        self, model: Model, weights: Mapping[str, np.ndarray], precision: str = "float32"
    ) -> TorchNetwork:
        """A network holding these weights, for looking inside."""
        return TorchNetwork(model, weights, precision)


def ahead(backend: TorchBackend, precision: str, threads: int) -> None:
    """PyTorch needs no process of its own for any settings."""
