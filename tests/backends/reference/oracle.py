"""Each layer as a direct call of PyTorch's functions, in float64: the oracle of the reference.

Written from PyTorch's documentation, not from the emitter, so that the two can be wrong apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import Any

import torch
import torch.nn.functional as F

from trimaran.spec import layers as L

Tensor = torch.Tensor
Parameters = dict[str, Tensor]


def first(x: Tensor) -> Tensor:
    return x.movedim(-1, 1)


def last(x: Tensor) -> Tensor:
    return x.movedim(1, -1)


def sides(padding: Any, x: Tensor, kernel: Any, strides: Any, dilation: Any) -> list[int]:
    """Padding in the order of F.pad; "same" as TensorFlow's documentation defines it."""
    found: list[int] = []
    for axis in reversed(range(len(kernel))):
        size, k, s, d = x.shape[2 + axis], kernel[axis], strides[axis], dilation[axis]
        if padding == "valid":
            found += [0, 0]
        elif padding == "same":
            covered = (k - 1) * d + 1
            need = covered - s if size % s == 0 else covered - size % s
            need = max(need, 0)
            found += [need // 2, ceil(need / 2)]
        else:
            found += list(padding[axis])
    return found


def dense(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    return F.linear(x, p["weight"], p.get("bias"))


def convolution(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    x = first(x)
    pads = sides(layer.padding, x, layer.kernel_size, layer.strides, layer.dilation_rate)
    groups = x.shape[1] if isinstance(layer, L.DepthwiseConv2D) else layer.groups
    call = F.conv1d if len(layer.kernel_size) == 1 else F.conv2d
    return last(
        call(F.pad(x, pads), p["weight"], p.get("bias"), layer.strides, 0, layer.dilation_rate,
             groups)
    )  # fmt: skip


def max_pool(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    x = first(x)
    ones = (1,) * len(layer.pool_size)
    pads = sides(layer.padding, x, layer.pool_size, layer.strides, ones)
    call = F.max_pool1d if len(ones) == 1 else F.max_pool2d
    return last(call(F.pad(x, pads, value=-torch.inf), layer.pool_size, layer.strides))


def average_pool(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    """The sum of each window over the number of its entries inside."""
    x = first(x)
    ones = (1,) * len(layer.pool_size)
    pads = sides(layer.padding, x, layer.pool_size, layer.strides, ones)
    kernel = torch.ones(x.shape[1], 1, *layer.pool_size, dtype=x.dtype)
    call = F.conv1d if len(ones) == 1 else F.conv2d

    def summed(y: Tensor) -> Tensor:
        return call(F.pad(y, pads), kernel, stride=layer.strides, groups=x.shape[1])

    return last(summed(x) / summed(torch.ones_like(x)))


def whole(name: str) -> Callable[[Any, Parameters, Tensor, bool], Tensor]:
    def call(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
        return getattr(x, name)(dim=tuple(range(1, x.ndim - 1)), keepdim=layer.keepdims)

    return call


def batch_norm(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    return last(
        F.batch_norm(
            first(x),
            p["running_mean"].detach(),
            p["running_var"].detach(),
            p.get("weight"),
            p.get("bias"),
            training,
            1 - layer.momentum,
            layer.epsilon,
        )
    )


def layer_norm(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], p.get("weight"), p.get("bias"), layer.epsilon)


def group_norm(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    groups = x.shape[-1] if layer.groups == -1 else layer.groups
    return last(F.group_norm(first(x), groups, p.get("weight"), p.get("bias"), layer.epsilon))


def activation(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    if layer.activation == "hard_sigmoid":
        # F.hardsigmoid's backward holds 1/6 in float32 even for float64 (PyTorch 2.13).
        return F.relu6(x + 3) / 6
    names = {"hard_silu": "hardswish", "log_sigmoid": "logsigmoid"}
    function = getattr(F, names.get(layer.activation, layer.activation))
    if "softmax" in layer.activation:
        return function(x, dim=-1)
    return function(x) if layer.parameter is None else function(x, layer.parameter)


def upsample(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    size = layer.size if isinstance(layer.size, tuple) else (layer.size,)
    bilinear = isinstance(layer, L.UpSampling2D) and layer.interpolation == "bilinear"
    if bilinear:
        return last(
            F.interpolate(first(x), scale_factor=size, mode="bilinear", align_corners=False)
        )
    return last(F.interpolate(first(x), scale_factor=size, mode="nearest"))


def border(edges: Any, sign: int, x: Tensor) -> Tensor:
    flat = [sign * side for axis in reversed(edges) for side in axis]
    return F.pad(x, [0, 0, *flat])


def step_mask(x: Tensor, steps: Tensor) -> Tensor:
    """(batch, time), row by row."""
    mask = torch.zeros(x.shape[:2], dtype=torch.bool)
    for row, given in enumerate(steps):
        number = int(given) if given.ndim == 0 else int((given != 0).sum())
        mask[row, : max(number, 1)] = True
    return mask


def over_steps(name: str) -> Callable[..., Tensor]:
    """Over the steps of each row that hold data, one row after another."""

    def call(layer: Any, p: Parameters, x: Tensor, *rest: Any) -> Tensor:
        mask = step_mask(x, rest[0]) if layer.masked else torch.ones(x.shape[:2], dtype=torch.bool)
        rows = [getattr(row[own], name)(0) for row, own in zip(x, mask, strict=True)]
        return torch.stack(rows)[:, None] if layer.keepdims else torch.stack(rows)

    return call


def mask_steps(layer: Any, p: Parameters, x: Tensor, steps: Tensor, training: bool) -> Tensor:
    return x * step_mask(x, steps)[..., None]


def padded(layer: Any, p: Parameters, x: Tensor, *rest: Any) -> Any:
    """A recurrent layer row by row, each cut to its own steps."""
    *states, steps, training = rest
    own = replace(layer, masked=False)
    found = []
    for row, mask in enumerate(step_mask(x, steps)):
        one = x[row : row + 1, mask]
        made = recurrent(own, p, one, *(s[row : row + 1] for s in states), training)
        output, *after = made if isinstance(made, tuple) else (made,)
        if layer.return_sequences:
            output = F.pad(output, (0, 0, 0, x.shape[1] - one.shape[1]))
        found.append((output, *after))
    joined = tuple(torch.cat(parts) for parts in zip(*found, strict=True))
    return joined if layer.return_state else joined[0]


def recurrent(layer: Any, p: Parameters, x: Tensor, *rest: Any) -> Any:
    """torch.nn's module of that name; its states have an axis of layers and directions in front.

    Where a second bias is only added, it is none of ours to train: it enters as a constant. A cell
    is torch.nn's cell, one step after another.
    """
    *states, _training = rest
    if layer.cell:
        return stepped(layer, p, x, *states)
    module = {L.SimpleRNN: torch.nn.RNN, L.LSTM: torch.nn.LSTM, L.GRU: torch.nn.GRU}[type(layer)]
    own: dict[str, Any] = {}
    if isinstance(layer, L.SimpleRNN):
        own = {"nonlinearity": layer.nonlinearity}
    own |= {"bidirectional": layer.bidirectional, "bias": layer.use_bias}
    made = module(x.shape[-1], layer.units, batch_first=True, **own).double()
    if not isinstance(layer, L.GRU):
        p = {key: a.detach() if key.startswith("bias_hh") else a for key, a in p.items()}
    kinds = 2 if isinstance(layer, L.LSTM) else 1
    begun = tuple(torch.stack(states[kind::kinds]) for kind in range(kinds)) if states else ()
    taken = (x, begun if len(begun) == 2 else begun[0]) if begun else (x,)
    whole, after = torch.func.functional_call(made, p, taken)
    after = after if isinstance(after, tuple) else (after,)
    output = whole if layer.return_sequences else torch.cat(tuple(after[0]), dim=-1)
    given = [state[way] for way in range(len(after[0])) for state in after]
    return (output, *given) if layer.return_state else output


def padded_or_not(layer: Any, *given: Any) -> Any:
    return padded(layer, *given) if layer.masked else recurrent(layer, *given)


def attended(layer: Any, p: Parameters, x: Tensor, *rest: Any) -> Tensor:
    """Row by row, the row and what it attends to each cut to its own steps."""
    *given, training = rest
    own = len(given) - len(layer.told)
    memory, steps = given[:own], dict(zip(layer.told, given[own:], strict=True))
    bare, found = replace(layer, masked=False, memory_masked=False), []
    for row in range(len(x)):
        sequences = [
            each[row : row + 1, step_mask(each, steps[place])[row]]
            if place in steps else each[row : row + 1]
            for place, each in enumerate((x, *memory))
        ]  # fmt: skip
        made = attention(bare, p, *sequences, training)
        found.append(F.pad(made, (0, 0, 0, x.shape[1] - made.shape[1])))
    return torch.cat(found)


def stepped(layer: Any, p: Parameters, x: Tensor, *states: Tensor) -> Any:
    """The cell over a sequence."""
    count = 2 if isinstance(layer, L.LSTM) else 1
    after = states or (x.new_zeros(len(x), layer.units),) * count
    made = []
    for step in x.unbind(1):
        after = one_step(layer, p, step, *after)
        made.append(after[0])
    output = torch.stack(made, 1) if layer.return_sequences else made[-1]
    return (output, *after) if layer.return_state else output


def one_step(layer: Any, p: Parameters, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
    """torch.nn's cell of that name."""
    kind = type(layer).__name__.removesuffix("Cell")
    module = {
        "SimpleRNN": torch.nn.RNNCell, "LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell,
    }[kind]  # fmt: skip
    own = {"nonlinearity": layer.nonlinearity} if kind == "SimpleRNN" else {}
    made = module(x.shape[-1], layer.units, bias=layer.use_bias, **own).double()  # type: ignore[operator]
    if kind != "GRU":
        p = {key: a.detach() if key.startswith("bias_hh") else a for key, a in p.items()}
    after = torch.func.functional_call(made, p, (x, states if len(states) > 1 else states[0]))
    return after if isinstance(after, tuple) else (after,)


def cell(layer: Any, p: Parameters, x: Tensor, *rest: Any) -> Any:
    """A cell between states."""
    after = one_step(layer, p, x, *rest[:-1])
    return after if len(after) > 1 else after[0]


def attention(layer: Any, p: Parameters, x: Tensor, *rest: Any) -> Tensor:
    """torch.nn.MultiheadAttention where it has such heads; else its formula, and rotary positions
    as products of complex numbers. Sequences beside each other one by one."""
    if x.ndim == 4:
        return torch.stack([attention(layer, p, row, *rest) for row in x.unbind(1)], 1)
    *memory, _training = rest
    other, heads = (memory[0] if memory else x), layer.num_heads
    width, features = len(p["in_proj_weight"]) // 3, x.shape[-1]
    late = torch.ones(x.shape[1], other.shape[1]).triu(1).bool()
    if width == features and not layer.rotary:
        made = torch.nn.MultiheadAttention(features, heads, bias=layer.use_bias, batch_first=True)
        mask = {"attn_mask": late} if layer.use_causal_mask else {}
        taken = (x, other, other)
        return torch.func.functional_call(made.double(), p, taken, {"need_weights": False} | mask)[
            0
        ]
    biases = p["in_proj_bias"].chunk(3) if layer.use_bias else [None] * 3
    parts = map(F.linear, (x, other, other), p["in_proj_weight"].chunk(3), biases)
    q, k, v = (torch.stack(part.chunk(heads, -1), 1) for part in parts)
    if layer.rotary:
        q, k = rotated(q), rotated(k)
    scores = q @ k.mT / (width // heads) ** 0.5
    weights = F.softmax(
        scores.masked_fill(late, -torch.inf) if layer.use_causal_mask else scores, -1
    )
    whole = torch.cat(tuple((weights @ v).unbind(1)), -1)
    return F.linear(whole, p["out_proj.weight"], p.get("out_proj.bias"))


def rotated(x: Tensor) -> Tensor:
    """Each pair of features as a complex number, times e^(i t speed)."""
    a, b = x.chunk(2, -1)
    half = a.shape[-1]
    speeds = 10000.0 ** (-torch.arange(half).double() / half)
    angles = torch.outer(torch.arange(x.shape[2]).double(), speeds)
    y = torch.complex(a, b) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((y.real, y.imag), -1)


def waves(layer: Any, p: Parameters, x: Tensor, training: bool) -> Tensor:
    """Position by position and feature by feature, as the paper writes it."""
    *_, time, features = x.shape
    found = torch.zeros(time, features, dtype=torch.float64)
    for t in range(time):
        for j in range(features):
            angle = t / layer.max_wavelength ** (2 * (j // 2) / features)
            found[t, j] = math.cos(angle) if j % 2 else math.sin(angle)
    return x + found


Call = Callable[..., Any]
ORACLES: dict[type[Any], Call] = {
    L.Dense: dense,
    L.Conv1D: convolution,
    L.Conv2D: convolution,
    L.DepthwiseConv2D: convolution,
    L.MaxPooling1D: max_pool,
    L.MaxPooling2D: max_pool,
    L.AveragePooling1D: average_pool,
    L.AveragePooling2D: average_pool,
    L.GlobalMaxPooling1D: over_steps("amax"),
    L.GlobalMaxPooling2D: whole("amax"),
    L.GlobalAveragePooling1D: over_steps("mean"),
    L.MaskSteps: mask_steps,
    L.GlobalAveragePooling2D: whole("mean"),
    L.BatchNormalization: batch_norm,
    L.LayerNormalization: layer_norm,
    L.GroupNormalization: group_norm,
    L.Activation: activation,
    L.Dropout: lambda layer, p, x, training: x * 1.0,
    L.Rescaling: lambda layer, p, x, training: torch.addcmul(
        x.new_tensor(layer.offset), x, x.new_tensor(layer.scale)
    ),
    L.Embedding: lambda layer, p, x, training: F.embedding(x, p["weight"], layer.padding_index),
    L.SimpleRNN: padded_or_not,
    L.LSTM: padded_or_not,
    L.GRU: padded_or_not,
    L.SimpleRNNCell: cell,
    L.LSTMCell: cell,
    L.GRUCell: cell,
    L.OneHot: lambda layer, p, x, training: F.one_hot(x, layer.depth).double(),
    L.MultiHeadAttention: lambda layer, *given: (attended if layer.told else attention)(
        layer, *given
    ),
    L.PositionEmbedding: lambda layer, p, x, training: (
        x + F.embedding(torch.arange(x.shape[-2]), p["weight"])
    ),
    L.SinePositionEncoding: waves,
    L.Flatten: lambda layer, p, x, training: torch.flatten(x, 1),
    L.Reshape: lambda layer, p, x, training: x.reshape(x.shape[0], *layer.target_shape),
    L.Permute: lambda layer, p, x, training: x.permute(0, *layer.dims),
    L.ZeroPadding1D: lambda layer, p, x, training: border(layer.padding, 1, x),
    L.ZeroPadding2D: lambda layer, p, x, training: border(layer.padding, 1, x),
    L.Cropping1D: lambda layer, p, x, training: border(layer.cropping, -1, x),
    L.Cropping2D: lambda layer, p, x, training: border(layer.cropping, -1, x),
    L.UpSampling1D: upsample,
    L.UpSampling2D: upsample,
    L.Add: lambda layer, p, *rest: sum(rest[:-1]),
    L.Subtract: lambda layer, p, one, two, training: one - two,
    L.Multiply: lambda layer, p, *rest: torch.prod(
        torch.stack(torch.broadcast_tensors(*rest[:-1])), 0
    ),
    L.Concatenate: lambda layer, p, *rest: torch.cat(rest[:-1], layer.axis),
}
