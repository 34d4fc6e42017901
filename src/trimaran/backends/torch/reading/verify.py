"""A translation is believed only when the emitted network computes what the module computes."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from trimaran.backends.torch.build import module as emitted
from trimaran.backends.torch.dropping import Dropping
from trimaran.backends.torch.reading.example import Example, place, told, typed
from trimaran.backends.torch.reading.read import Read
from trimaran.backends.torch.reading.values import Axes, identity
from trimaran.errors import ConversionError, TrimaranError

TOLERANCES = {"float64": 1e-9, "float32": 1e-4}
_WIDE = 8.0
"""How much larger the disturbed run's inputs are: what differs beyond 6 alone, as ReLU6 does."""

_ALIKE = 1e-6
"""Of a module and its copy, two of whose biases became one in float32."""

LARGE = 20_000_000
"""Parameters beyond which float64 and a second set of weights cost too much time and memory."""


def verify(module: nn.Module, found: Read, example: Example) -> None:
    """Run both on the example: in evaluation and in training mode (dropout off, statistics
    compared too), with the module's weights, and with disturbed ones, since fresh weights hide
    faults behind zeros and ones.

    Raises:
        ConversionError: they differ, or the emitted source does not run.
    """
    large = found.model.size > LARGE
    precision = "float32" if large else "float64"
    own = copy.deepcopy(module).to(getattr(torch, precision))
    for disturbed in (False,) if large else (False, True):
        if disturbed:
            _disturb(own)
            example = Example(
                tuple(_WIDE * t if t.is_floating_point() else t for t in example.tensors)
            )
        for training in (False, True):
            _compare(own, found, example, precision, training)


def hold_alike(own: nn.Module, opened: nn.Module, example: Example) -> None:
    """What was changed for reading must compute what the module computes, in evaluation mode.

    Raises:
        ConversionError: it does not.
    """
    given = [t.double() if t.is_floating_point() else t for t in example.tensors]
    found, wanted = (  # one after another: a copy in float64 is twice the module
        _flat(_own(copy.deepcopy(module).double(), given, False)) for module in (opened, own)
    )
    same = [apart(a, b) for a, b in zip(found, wanted, strict=False)]
    if len(found) != len(wanted) or max(same, default=0.0) > _ALIKE:
        raise ConversionError(
            f"{type(own).__name__}: its recurrent or attention layers cannot be taken apart; call "
            "them as PyTorch documents it, and read no weights of an attention."
        )


def _flat(returned: Any) -> list[torch.Tensor]:
    """The tensors that forward returned."""
    items = returned.values() if isinstance(returned, Mapping) else returned
    items = items if isinstance(returned, Mapping | list | tuple) else [returned]
    return [tensor for tensor in items if isinstance(tensor, torch.Tensor)]


def _compare(own: nn.Module, found: Read, example: Example, precision: str, training: bool) -> None:
    weights = {key: tensor.numpy(force=True).copy() for key, tensor in own.state_dict().items()}
    try:
        other = emitted(found.model, weights, precision)
    except Exception as error:
        raise _broken(found, error) from error
    dtype = getattr(torch, precision)
    given = [t.to(dtype) if t.is_floating_point() else t for t in example.tensors]
    wanted = named(_own(own, given, training), list(found.outputs))
    inputs = [turned(tensor, axes) for tensor, axes in zip(given, found.inputs, strict=True)]
    try:
        returned = named(_run(other, inputs, training), list(found.outputs))
    except Exception as error:
        raise _broken(found, error) from error
    turns = found.outputs
    pairs = {k: (returned[k], turned(wanted[k], turns[k])) for k in turns}
    if training:
        state = own.state_dict()
        pairs |= {k: (v, state[k]) for k, v in other.state_dict().items()}
    for name, (a, b) in pairs.items():
        _hold(found, name, training, (apart(a, b), TOLERANCES[precision]))
    own.load_state_dict({key: torch.from_numpy(values) for key, values in weights.items()})


def _hold(found: Read, name: str, training: bool, measured: tuple[float, float]) -> None:
    value, bound = measured
    if value <= bound:
        return
    mode = "training" if training else "evaluation"
    raise ConversionError(
        f"{found.model.name}: the translation computes another {name!r} than the module in {mode} "
        f"mode (a relative difference of {value:.1e}, where {bound:.0e} is allowed), so it is not "
        "returned; look for random numbers and for self.training in forward."
    )


def _broken(found: Read, error: Exception) -> ConversionError:
    text = str(error) if isinstance(error, TrimaranError) else f"{type(error).__name__}: {error}"
    return ConversionError(
        f"{found.model.name}: the source written for it does not run ({text.splitlines()[0]}); "
        "please report this module."
    )


@contextmanager
def _mode(module: nn.Module, training: bool) -> Iterator[None]:
    module.train(training)
    with torch.no_grad(), Dropping():
        yield


def _run(module: nn.Module, inputs: Sequence[torch.Tensor], training: bool) -> Any:
    with typed(_dtype(module)), _mode(module, training):
        return module(*(tensor.clone() for tensor in inputs))


class _Drawn(Exception):
    """A function of the user's code draws random numbers."""


class _NoDrawing(TorchFunctionMode):
    """While entered, only dropout may draw."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _DRAWS:
            raise _Drawn(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))


_DRAWS = (
    torch.bernoulli, torch.multinomial, torch.normal, torch.rand, torch.rand_like, torch.randint,
    torch.randn, torch.randn_like, torch.randperm, torch.Tensor.bernoulli,
    torch.Tensor.bernoulli_, torch.Tensor.normal_, torch.Tensor.random_, torch.Tensor.uniform_,
)  # fmt: skip


def _dtype(module: nn.Module) -> torch.dtype:
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.float32)


def _own(module: nn.Module, inputs: Sequence[torch.Tensor], training: bool) -> Any:
    """What the user's module returns."""
    try:
        with _NoDrawing():
            return _run(module, inputs, training)
    except _Drawn as drawn:
        raise ConversionError(
            f"{type(module).__name__}: forward draws random numbers of its own by {drawn}"
            f"{place(drawn)}; a description has those of dropout alone, so use nn.Dropout, or set "
            "the rate of what is dropped to 0."
        ) from None
    except Exception as error:  # whatever the user's code raises
        kind = str(_dtype(module)).removeprefix("torch.")
        raise ConversionError(
            f"{type(module).__name__}: forward does not run in "
            f"{'training' if training else 'evaluation'} mode in {kind}: {told(error)}; let it "
            "keep the type of what it takes, as x.new_zeros and dtype=x.dtype do."
        ) from None


def named(returned: Any, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """What forward returned, by the names of the outputs."""
    if isinstance(returned, torch.Tensor):
        returned = [returned]
    items = list(returned.values()) if isinstance(returned, Mapping) else list(returned)
    if len(items) != len(names):
        raise ConversionError(
            f"forward returns {len(items)} tensors in one mode and {len(names)} in the other; "
            "let it return the same in training and evaluation."
        )
    return dict(zip(names, items, strict=True))


def turned(tensor: torch.Tensor, axes: Axes) -> torch.Tensor:
    """The module's tensor as the emitted module has it: maps channels-first, all else in the
    description's order."""
    if len(axes) == 3 and tensor.dim() == 4:
        return tensor.permute(0, *axes).permute(0, 3, 1, 2)
    return tensor.permute(0, *axes) if axes != identity(tensor.dim() - 1) else tensor


def _disturb(module: nn.Module) -> None:
    """Every weight and statistic moved at random, so that none is neutral."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for key, tensor in module.state_dict().items():
            if not tensor.is_floating_point():
                continue
            noise = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
            if key.endswith("running_var"):
                tensor.mul_(0.5 + noise)
            else:
                scale = tensor.abs().mean().clamp(min=0.01)
                tensor.add_((noise - 0.5) * scale)


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference relative to the largest entry; infinite where shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    x, y = a.double().numpy(force=True), b.double().numpy(force=True)
    if not x.size or np.array_equal(x, y, equal_nan=True):
        return 0.0
    difference = float(np.abs(x - y).max())
    if not np.isfinite(difference):
        return float("inf")
    return difference / max(float(np.abs(y).max()), 1e-30)
