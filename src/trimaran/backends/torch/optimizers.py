"""The optimizers of `training.optimizers` on PyTorch tensors.

Where PyTorch has one kernel for a whole update, it is called directly: `torch.optim` regroups the
tensors in Python at each step, which is a tenth of the time of a small network. The common ones
have a form over all tensors in `_foreach`, the rest runs its definition, and tests hold every way
to the NumPy formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from trimaran.errors import RunError, TrainingError
from trimaran.training.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSProp, first_slot

_FUSED_DEVICES = ("cpu", "cuda")


Tensors = tuple[Tensor, ...] | list[Tensor]


class Update:
    """An optimizer at work on parameters, with its slots in their memory layout.

    `count` is the number of updates made. Slots are made here, like the parameters, and only
    ever filled, because PyTorch's fused kernels walk raw memory: a slot or gradient with other
    strides than its parameter trains wrong without a word.
    """

    def __init__(
        self, given: Optimizer, parameters: Mapping[str, Tensor], fused: bool = True
    ) -> None:
        self.given = given
        self.parameters = dict(parameters)
        self.count = 0
        self._tensors = list(self.parameters.values())
        self.slots = {
            slot: [torch.full_like(p, first_slot(given, slot)) for p in self._tensors]
            for slot in given.slots_used()
        }
        devices = {p.device.type for p in self._tensors}
        self._fused = fused and _has_kernel(given) and devices <= set(_FUSED_DEVICES)
        first = self._tensors[0]
        self._counter = torch.zeros((), dtype=torch.float32, device=first.device)
        self._counters = [self._counter] * len(self._tensors)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update with the gradients that the parameters hold."""
        gradients = self.gradients()
        if not self.count:
            self.check_layout()
        self.count += 1
        if self._fused:
            self._counter.fill_(self.count)
            _KERNELS[type(self.given)](self, gradients, rate)
        elif type(self.given) in _FOREACH and not getattr(self.given, "amsgrad", False):
            _foreach(self, gradients, rate)
        else:
            _by_definition(self, gradients, rate)

    def gradients(self) -> list[Tensor]:
        """The gradients in the order of the parameters; zeros where the loss does not reach."""
        tensors = self._tensors
        for parameter in tensors:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [parameter.grad for parameter in tensors]  # type: ignore[misc]

    def clear(self) -> None:
        """Forgets the gradients."""
        for parameter in self._tensors:
            parameter.grad = None

    def check_layout(self) -> None:
        """Raises `TrainingError` where a gradient or slot lies otherwise than its parameter."""
        for index, (name, parameter) in enumerate(self.parameters.items()):
            held = {slot: tensors[index] for slot, tensors in self.slots.items()}
            if parameter.grad is not None:
                held["gradient"] = parameter.grad
            for what, tensor in held.items():
                if not same_layout(parameter, tensor):
                    raise TrainingError(
                        f"The {what} of {name} has the strides {tensor.stride()} where the "
                        f"parameter has {parameter.stride()}; a fused update would be wrong. "
                        f"Please report it, and train with `fused` off."
                    )

    def state(self) -> dict[str, Tensor]:
        """The slots as "slot/key"; the count is the caller's to keep."""
        return {
            f"{slot}/{key}": tensor
            for slot, tensors in self.slots.items()
            for key, tensor in zip(self.parameters, tensors, strict=True)
        }

    def restore(self, saved: Mapping[str, np.ndarray], count: int) -> None:
        """Fills the slots in place, so that they keep their parameters' strides."""
        fill(self.state(), saved, "optimizer")
        self.count = count
        self.check_layout()


def same_layout(a: Tensor, b: Tensor) -> bool:
    """Whether equal positions in memory hold equal elements; strides of length-1 axes are idle."""
    return a.shape == b.shape and all(
        n == 1 or s == t for n, s, t in zip(a.shape, a.stride(), b.stride(), strict=True)
    )


@torch.no_grad()
def fill(tensors: Mapping[str, Tensor], saved: Mapping[str, np.ndarray], what: str) -> None:
    """Copies saved arrays into tensors; `RunError` where names or shapes disagree."""
    wrong = sorted(set(tensors) ^ set(saved))
    wrong += [k for k in tensors if k in saved and tensors[k].shape != saved[k].shape]
    if wrong:
        raise RunError(
            f"The checkpoint's {what} is that of another network or optimizer: {wrong[0]!r} "
            f"does not match. Resume with the recipe that the run was started with."
        )
    for key, tensor in tensors.items():
        tensor.copy_(torch.from_numpy(np.array(saved[key])))  # one copy at a time


def _adam(update: Update, gradients: Tensors, rate: float) -> None:
    given = update.given
    assert isinstance(given, Adam | AdamW)
    kernel = torch._fused_adam_ if isinstance(given, Adam) else torch._fused_adamw_
    kernel(
        update._tensors,
        gradients,
        update.slots["mean"],
        update.slots["variance"],
        [],
        update._counters,
        lr=rate,
        beta1=given.beta_1,
        beta2=given.beta_2,
        weight_decay=given.weight_decay,
        eps=given.epsilon,
        amsgrad=False,
        maximize=False,
    )


def _sgd(update: Update, gradients: Tensors, rate: float) -> None:
    given = update.given
    assert isinstance(given, SGD)
    torch._fused_sgd_(
        update._tensors,
        gradients,
        update.slots.get("momentum", []),
        weight_decay=given.weight_decay,
        momentum=given.momentum,
        lr=rate,
        dampening=0.0,
        nesterov=given.nesterov,
        maximize=False,
        is_first_step=False,
    )


def _adagrad(update: Update, gradients: Tensors, rate: float) -> None:
    given = update.given
    assert isinstance(given, Adagrad)
    torch._fused_adagrad_(
        update._tensors,
        gradients,
        update.slots["sum"],
        update._counters,
        lr=rate,
        lr_decay=0.0,
        weight_decay=given.weight_decay,
        eps=given.epsilon,
        maximize=False,
    )


_KERNELS: dict[type[Optimizer], Callable[[Update, Tensors, float], None]] = {
    kind: kernel
    for kind, kernel, name in (
        (SGD, _sgd, "_fused_sgd_"),
        (Adam, _adam, "_fused_adam_"),
        (AdamW, _adam, "_fused_adamw_"),
        (Adagrad, _adagrad, "_fused_adagrad_"),
    )
    if hasattr(torch, name)
}


def _has_kernel(given: Optimizer) -> bool:
    return type(given) in _KERNELS and not getattr(given, "amsgrad", False)


def _by_definition(update: Update, gradients: Tensors, rate: float) -> None:
    """The definition itself, weight by weight."""
    numbers = update.given.numbers(rate, update.count)
    for i, (w, g) in enumerate(zip(update._tensors, gradients, strict=True)):
        held = {slot: tensors[i] for slot, tensors in update.slots.items()}
        new, slots = update.given.update(torch, w, g, held, numbers)
        w.copy_(new)
        for slot, values in slots.items():
            held[slot].copy_(values)


_FOREACH = (SGD, Adam, AdamW, RMSProp, Adagrad)


def _foreach(update: Update, gradients: Tensors, rate: float) -> None:
    """The definition, one operation for all parameters at a time."""
    given, weights, slots = update.given, update._tensors, update.slots
    if isinstance(given, AdamW):
        torch._foreach_mul_(weights, 1 - rate * given.weight_decay)
    elif given.weight_decay:
        gradients = torch._foreach_add(gradients, weights, alpha=given.weight_decay)
    if isinstance(given, SGD):
        change = _sgd_change(given, gradients, slots)
    elif isinstance(given, RMSProp):
        change = _rmsprop_change(given, gradients, slots)
    elif isinstance(given, Adagrad):
        torch._foreach_addcmul_(slots["sum"], gradients, gradients)
        change = _ratio(gradients, slots["sum"], 1.0, given.epsilon)
    else:
        assert isinstance(given, Adam | AdamW)
        change = _adam_change(given, gradients, slots, update.count)
    torch._foreach_add_(weights, change, alpha=-rate)


def _sgd_change(given: SGD, gradients: Tensors, slots: Mapping[str, list[Tensor]]) -> Tensors:
    if not given.momentum:
        return gradients
    torch._foreach_mul_(slots["momentum"], given.momentum)
    torch._foreach_add_(slots["momentum"], gradients)
    if not given.nesterov:
        return slots["momentum"]
    return torch._foreach_add(gradients, slots["momentum"], alpha=given.momentum)


def _adam_change(
    given: Adam | AdamW,
    gradients: Tensors,
    slots: Mapping[str, list[Tensor]],
    count: int,
) -> Tensors:
    torch._foreach_lerp_(slots["mean"], gradients, 1 - given.beta_1)
    torch._foreach_mul_(slots["variance"], given.beta_2)
    torch._foreach_addcmul_(slots["variance"], gradients, gradients, 1 - given.beta_2)
    spread = (1 - given.beta_2**count) ** 0.5
    change = _ratio(slots["mean"], slots["variance"], spread, given.epsilon)
    return torch._foreach_div(change, 1 - given.beta_1**count)


def _rmsprop_change(
    given: RMSProp, gradients: Tensors, slots: Mapping[str, list[Tensor]]
) -> Tensors:
    torch._foreach_mul_(slots["variance"], given.rho)
    torch._foreach_addcmul_(slots["variance"], gradients, gradients, 1 - given.rho)
    spread: Tensors = slots["variance"]
    if given.centered:
        torch._foreach_lerp_(slots["mean"], gradients, 1 - given.rho)
        spread = torch._foreach_addcmul(spread, slots["mean"], slots["mean"], -1.0)
    change = _ratio(gradients, spread, 1.0, given.epsilon)
    if not given.momentum:
        return change
    torch._foreach_mul_(slots["momentum"], given.momentum)
    torch._foreach_add_(slots["momentum"], change)
    return slots["momentum"]


def _ratio(above: Tensors, square: Tensors, divisor: float, epsilon: float) -> Tensors:
    """above / (sqrt(square) / divisor + epsilon)."""
    below = torch._foreach_sqrt(square)
    torch._foreach_div_(below, divisor)
    torch._foreach_add_(below, epsilon)
    return torch._foreach_div(above, below)


@torch.no_grad()
def clip(gradients: Tensors, norm: float | None, value: float | None) -> None:
    """Clips in place: each element to ±value, then all together to a global norm.

    As in torch.nn.utils.clip_grad_norm_, the factor is norm / (found + 1e-6), at most 1. R.
    Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.
    """
    if value is not None:
        torch._foreach_clamp_min_(gradients, -value)
        torch._foreach_clamp_max_(gradients, value)
    if norm is not None:
        found = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, torch.clamp(norm / (found + 1e-6), max=1.0))


class Averages:
    """The exponential moving average of weights: a = d a + (1 - d) w after each update.

    d is `decay`, but at most (1 + t) / (10 + t) at update t, so that the start is forgotten
    (as in TensorFlow's ExponentialMovingAverage with num_updates). B. Polyak, A. Juditsky,
    "Acceleration of stochastic approximation by averaging", 1992.
    """

    def __init__(self, decay: float, parameters: Mapping[str, Tensor]) -> None:
        self.decay = decay
        self._live = list(parameters.values())
        self.tensors = {key: p.detach().clone() for key, p in parameters.items()}

    @torch.no_grad()
    def follow(self, count: int) -> None:
        """Moves on after update number `count` (from 1)."""
        decay = min(self.decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(list(self.tensors.values()), self._live, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the averages with the live weights; a second call exchanges them back."""
        kept = [tensor.clone() for tensor in self._live]
        _copy(self._live, self.tensors.values())
        _copy(self.tensors.values(), kept)


def _copy(to: Iterable[Tensor], values: Iterable[Tensor]) -> None:
    for tensor, value in zip(to, values, strict=True):
        tensor.copy_(value)
