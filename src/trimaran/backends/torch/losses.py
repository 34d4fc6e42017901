"""The losses of `tasks.loss` on PyTorch tensors.

Each output's loss is kept as its weighted sum over rows and its denominator, so that batches of
one update, and all batches of an epoch, add up to the mean that the definition asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trimaran.errors import TrainingError
from trimaran.tasks.loss import CLIP, CROSS_ENTROPIES, Loss, Objective

Outputs = dict[str, Tensor]


class Criterion:
    """An objective ready to be measured: class weights stand on the device, in `dtype`."""

    def __init__(
        self,
        objective: Objective,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.objective = objective
        self.losses = dict(objective.losses)
        self._device = device
        self._slopes: dict[tuple[str, float, torch.dtype], Tensor] = {}
        self._class_weights = {
            name: torch.tensor(loss.class_weights, dtype=dtype, device=device)
            for name, loss in self.losses.items()
            if loss.class_weights is not None
        }

    def row_weights(
        self, name: str, target: Tensor, weights: Tensor | None
    ) -> tuple[Tensor | None, Tensor | int]:
        """The weight of each row for one output, None where all are 1, and their sum."""
        classes = self._class_weights.get(name)
        if classes is not None:
            by_class = classes[_class_of(self.losses[name], target)]
            weights = by_class if weights is None else by_class * weights
        return (None, len(target)) if weights is None else (weights, weights.sum())

    def sum(self, name: str, output: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
        """The sum over rows of weight times loss, in the precision of at least float32."""
        output = output.float() if output.dtype in (torch.bfloat16, torch.float16) else output
        loss = self.losses[name]
        if weights is None and loss.kind == "sparse_categorical_crossentropy" and loss.from_logits:
            return _cross_entropy(loss, output, target, "sum") / positions(target)
        rows = rows_of(loss, output, target)
        return rows.sum() if weights is None else (rows * weights).sum()

    def mean(self, sums: Mapping[str, Tensor], totals: Mapping[str, Tensor | float]) -> Tensor:
        """The objective's value, with its graph: sum_k weight_k * sums_k / totals_k."""
        slopes = [self._slope(name, totals[name], value.dtype) for name, value in sums.items()]
        terms = [value * slope for value, slope in zip(sums.values(), slopes, strict=True)]
        return terms[0] if len(terms) == 1 else torch.stack(terms).sum()

    def _slope(self, name: str, total: Tensor | float, dtype: torch.dtype) -> Tensor:
        """weight / total, and 0 where every row weighs nothing."""
        weight = self.losses[name].weight
        if isinstance(total, Tensor):
            return torch.where(total > 0, weight / total, 0.0).to(dtype)
        slope = self._slopes.get((name, total, dtype))
        if slope is None:
            slope = torch.tensor(weight / total, dtype=dtype, device=self._device)
            self._slopes[name, total, dtype] = slope
        return slope


def rows_of(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    """The loss of each row, (N,); values of one row are averaged."""
    return _KINDS[loss.kind](loss, output, target)


def positions(target: Tensor) -> int:
    """How many class numbers one row has: 1, or one per step of a sequence."""
    return target[0].numel() if target.dim() > 1 and len(target) else 1


def _cross_entropy(loss: Loss, output: Tensor, target: Tensor, reduction: str) -> Tensor:
    return F.cross_entropy(
        output.reshape(-1, output.shape[-1]),
        target.reshape(-1),
        reduction=reduction,
        label_smoothing=loss.label_smoothing,
    )


def _by_row(values: Tensor, target: Tensor) -> Tensor:
    """The mean over a row's positions."""
    return values.reshape(len(target), -1).mean(1)


def _class_of(loss: Loss, target: Tensor) -> Tensor:
    if loss.kind == "categorical_crossentropy":
        return target.argmax(-1)
    return target.reshape(len(target)).long()


def _sparse(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    if loss.from_logits:
        return _by_row(_cross_entropy(loss, output, target, "none"), target)
    return _categorical(loss, output, F.one_hot(target, output.shape[-1]).to(output.dtype))


def _categorical(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    target = target.to(output.dtype)
    if loss.label_smoothing:
        target = target * (1 - loss.label_smoothing) + loss.label_smoothing / output.shape[-1]
    if loss.from_logits:
        return _by_row(-(target * F.log_softmax(output, -1)).sum(-1), target)
    share = output / output.sum(-1, keepdim=True)
    return _by_row(-(target * share.clamp(CLIP, 1 - CLIP).log()).sum(-1), target)


def _binary(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    target = _like(target, output)
    if loss.label_smoothing:
        target = target * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    if loss.from_logits:
        values = F.binary_cross_entropy_with_logits(output, target, reduction="none")
    else:
        p = output.clamp(CLIP, 1 - CLIP)
        values = -(target * p.log() + (1 - target) * (1 - p).log())
    return values.flatten(1).mean(1)


def _like(target: Tensor, output: Tensor) -> Tensor:
    """The target in the output's shape and type; (N,) stands for (N, 1)."""
    if target.numel() != output.numel():
        raise TrainingError(
            f"The output has the shape {tuple(output.shape)}, but its target "
            f"{tuple(target.shape)}; give the last layer as many units as the target has values."
        )
    return target.to(output.dtype).reshape(output.shape)


def _squared(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    return (output - _like(target, output)).square().flatten(1).mean(1)


def _absolute(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    return (output - _like(target, output)).abs().flatten(1).mean(1)


def _huber(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    target = _like(target, output)
    return F.huber_loss(output, target, reduction="none", delta=1.0).flatten(1).mean(1)


def _pinball(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    levels = torch.tensor(loss.levels, dtype=output.dtype, device=output.device)
    error = _beside(loss, output, target) - output
    q = levels.repeat_interleave(output.shape[-1] // len(loss.levels))
    return torch.maximum(q * error, (q - 1) * error).flatten(1).mean(1)


def _beside(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    """The target of every level, in the output's shape."""
    return _like(torch.cat([target] * len(loss.levels), -1), output)


_KINDS: dict[str, Callable[[Loss, Tensor, Tensor], Tensor]] = {
    "sparse_categorical_crossentropy": _sparse,
    "categorical_crossentropy": _categorical,
    "binary_crossentropy": _binary,
    "mean_squared_error": _squared,
    "mean_absolute_error": _absolute,
    "huber": _huber,
    "pinball": _pinball,
}


def figure(name: str, loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    """The metric `name` of each row, (N,) float64."""
    if name == "mean_absolute_error":
        return _absolute(loss, output.double(), target)
    if name == "mean_squared_error":
        return _squared(loss, output.double(), target)
    if loss.kind == "binary_crossentropy":
        hit = (output > (0.0 if loss.from_logits else 0.5)) == (_like(target, output) > 0.5)
        return hit.double().flatten(1).mean(1)
    truth = target.argmax(-1) if loss.kind == "categorical_crossentropy" else target
    return _by_row((output.argmax(-1) == truth).double(), truth)


_HEADS: dict[str, Callable[[Tensor], Tensor]] = {
    "softmax": partial(F.softmax, dim=-1),
    "sigmoid": torch.sigmoid,
}


def score_function(network: nn.Module, objective: Objective) -> Callable[..., Outputs]:
    """The network as a function to outputs by name, on which the losses are defined.

    That is `network.logits` where a loss works on logits and the network has a head to leave
    out, with the other heads put back; otherwise the network itself.
    """
    names = list(objective.losses)
    crossed = [loss for loss in objective.losses.values() if loss.kind in CROSS_ENTROPIES]
    on_logits = any(loss.from_logits for loss in crossed)
    logits = getattr(network, "logits", None) if on_logits else None
    if isinstance(logits, nn.Module):  # a layer that somebody called so
        logits = None
    call: Callable[..., Tensor | Outputs] = logits or network
    heads = {k: _HEADS[head] for k, head in objective.heads.items()} if logits else {}

    def outputs(*inputs: Tensor) -> Outputs:
        found = call(*inputs)
        if isinstance(found, Tensor):
            return {names[0]: _channels_last(found)}
        found = {k: heads[k](found[k]) if k in heads else found[k] for k in names}
        return {k: _channels_last(values) for k, values in found.items()}

    return outputs


def _channels_last(output: Tensor) -> Tensor:
    """A map as its targets are: channels-last, as every array that crosses a public face."""
    return output.permute(0, 2, 3, 1) if output.dim() == 4 else output
