"""The losses of `tasks.loss` on Keras tensors, traced into the step of either framework.

As in the PyTorch twin, each output's loss is its weighted sum over rows and its denominator, so
that batches of one update, and all batches of an epoch, add up to the mean of the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from keras import ops

from trimaran.errors import TrainingError
from trimaran.tasks.loss import CLIP, CROSS_ENTROPIES, Loss, Objective

Tensor = Any
Outputs = Mapping[str, Tensor]


def row_weights(
    loss: Loss, target: Tensor, weights: Tensor | None, dtype: str
) -> tuple[Tensor | None, Tensor]:
    """The weight of each row for one output, None where all are 1, and their sum."""
    if loss.class_weights is not None:
        by_class = ops.take(
            ops.convert_to_tensor(loss.class_weights, dtype), _class_of(loss, target)
        )
        weights = by_class if weights is None else by_class * weights
    if weights is None:
        return None, ops.cast(ops.shape(target)[0], dtype)
    return weights, ops.sum(weights)


def total(loss: Loss, output: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """The sum over rows of weight times loss."""
    rows = rows_of(loss, output, target)
    return ops.sum(rows if weights is None else rows * weights)


def slope(loss: Loss, denominator: Tensor) -> Tensor:
    """weight / denominator, and 0 where every row weighs nothing."""
    positive = denominator > 0
    safe = ops.where(positive, denominator, ops.ones_like(denominator))
    return ops.where(positive, loss.weight / safe, ops.zeros_like(denominator))


def rows_of(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    """The loss of each row, (N,); values of one row are averaged."""
    return _KINDS[loss.kind](loss, output, target)


def _class_of(loss: Loss, target: Tensor) -> Tensor:
    if loss.kind == "categorical_crossentropy":
        return ops.argmax(target, -1)
    return ops.cast(ops.reshape(target, (-1,)), "int32")


def _classes(output: Tensor, target: Tensor) -> Tensor:
    """Class numbers, one for each vector of the output: (N,), or (N, steps)."""
    one_each = len(target.shape) < len(output.shape)
    return ops.cast(target if one_each else ops.reshape(target, (-1,)), "int32")


def _by_row(values: Tensor) -> Tensor:
    """The mean over a row's positions."""
    axes = tuple(range(1, len(values.shape)))
    return ops.mean(values, axes) if axes else values


def _sparse(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    classes = _classes(output, target)
    wanted = ops.one_hot(classes, output.shape[-1], dtype=output.dtype)
    return _categorical(loss, output, wanted)


def _categorical(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    target = ops.cast(target, output.dtype)
    if loss.label_smoothing:
        target = target * (1 - loss.label_smoothing) + loss.label_smoothing / output.shape[-1]
    if loss.from_logits:
        return _by_row(-ops.sum(target * ops.log_softmax(output, -1), -1))
    share = output / ops.sum(output, -1, keepdims=True)
    return _by_row(-ops.sum(target * ops.log(ops.clip(share, CLIP, 1 - CLIP)), -1))


def _binary(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    target = _like(target, output)
    if loss.label_smoothing:
        target = target * (1 - loss.label_smoothing) + loss.label_smoothing / 2
    if loss.from_logits:
        # Not max(x, 0) - x y + ..., whose parts have no derivative at the zero of a fresh network.
        values = target * ops.softplus(-output) + (1 - target) * ops.softplus(output)
    else:
        p = ops.clip(output, CLIP, 1 - CLIP)
        values = -(target * ops.log(p) + (1 - target) * ops.log(1 - p))
    return _mean(values)


def _like(target: Tensor, output: Tensor) -> Tensor:
    """The target in the output's shape and type; (N,) stands for (N, 1)."""
    want, have = _size(output), _size(target)
    if want != have:
        raise TrainingError(
            f"The output has the shape {tuple(output.shape)}, but its target "
            f"{tuple(target.shape)}; give the last layer as many units as the target has values."
        )
    return ops.reshape(ops.cast(target, output.dtype), (-1, *output.shape[1:]))


def _size(values: Tensor) -> int:
    size = 1
    for n in values.shape[1:]:
        size *= n
    return size


def _mean(values: Tensor) -> Tensor:
    return ops.mean(ops.reshape(values, (-1, _size(values))), 1)


def _squared(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    return _mean(ops.square(output - _like(target, output)))


def _absolute(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    return _mean(ops.abs(output - _like(target, output)))


def _huber(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    size = ops.abs(output - _like(target, output))
    return _mean(ops.where(size <= 1.0, 0.5 * size * size, size - 0.5))


def _pinball(loss: Loss, output: Tensor, target: Tensor) -> Tensor:
    count = len(loss.levels)
    error = _like(ops.concatenate([target] * count, -1), output) - output
    q = ops.repeat(
        ops.convert_to_tensor(loss.levels, dtype=output.dtype), output.shape[-1] // count
    )
    return _mean(ops.maximum(q * error, (q - 1) * error))


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
    """The sum over rows of the metric `name`."""
    if name == "mean_absolute_error":
        return ops.sum(_absolute(loss, output, target))
    if name == "mean_squared_error":
        return ops.sum(_squared(loss, output, target))
    if loss.kind == "binary_crossentropy":
        above = output > (0.0 if loss.from_logits else 0.5)
        hit = ops.equal(above, _like(target, output) > 0.5)
        return ops.sum(_mean(ops.cast(hit, output.dtype)))
    found = ops.cast(ops.argmax(output, -1), "int32")
    sparse = loss.kind == "sparse_categorical_crossentropy"
    truth = _classes(output, target) if sparse else ops.cast(ops.argmax(target, -1), "int32")
    return ops.sum(_by_row(ops.cast(ops.equal(found, truth), output.dtype)))


def columns(objective: Objective) -> list[str]:
    """What `measured` holds of a batch, by the names of `training.engine.Sums`."""
    found = []
    for name in objective.losses:
        found += [f"{name}/sum", f"{name}/total"]
        found += [f"{name}/{figure}" for figure in objective.figures(name)]
    return found


def measured(
    objective: Objective, outputs: Outputs, targets: Outputs, weights: Tensor | None, dtype: str
) -> tuple[list[Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """A batch's numbers in the order of `columns`, with its sums and denominators by output."""
    numbers: list[Tensor] = []
    sums, totals = {}, {}
    for name, loss in objective.losses.items():
        output = ops.cast(outputs[name], dtype)
        by_row, totals[name] = row_weights(loss, targets[name], weights, dtype)
        sums[name] = total(loss, output, targets[name], by_row)
        numbers += [sums[name], totals[name]]
        numbers += [figure(f, loss, output, targets[name]) for f in objective.figures(name)]
    return numbers, sums, totals


def on_logits(objective: Objective) -> bool:
    """Whether the losses are defined on what lies below the heads."""
    crossed = [loss for loss in objective.losses.values() if loss.kind in CROSS_ENTROPIES]
    return any(loss.from_logits for loss in crossed)


def by_name(
    objective: Objective, outputs: Sequence[str], found: Sequence[Tensor]
) -> dict[str, Tensor]:
    """What the losses take: with logits, those heads are put back that a loss stands above of.

    outputs: the network's outputs in the order of `found`; a single one is called as the objective
    likes
    """
    heads = {"softmax": ops.softmax, "sigmoid": ops.sigmoid}
    if len(outputs) == 1:
        return {next(iter(objective.losses)): found[0]}
    given = dict(zip(outputs, found, strict=True))
    peeled = objective.heads if on_logits(objective) else {}
    return {
        name: heads[peeled[name]](given[name]) if name in peeled else given[name]
        for name in objective.losses
    }
