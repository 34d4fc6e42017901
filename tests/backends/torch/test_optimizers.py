"""Three ways to the same update: the NumPy formula, torch.optim, and ours, fused or not."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import torch

from trimaran.backends.torch.optimizers import Averages, Update, clip, fill, same_layout
from trimaran.errors import RunError, TrainingError
from trimaran.training.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    NAdam,
    Optimizer,
    RMSProp,
    first_slot,
)

CASES: list[tuple[Optimizer, type, dict[str, Any]]] = [
    (SGD(0.05), torch.optim.SGD, {}),
    (SGD(0.05, weight_decay=0.1), torch.optim.SGD, {"weight_decay": 0.1}),
    (SGD(0.05, 0.9), torch.optim.SGD, {"momentum": 0.9}),
    (
        SGD(0.05, 0.9, True, 0.01),
        torch.optim.SGD,
        {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    ),
    (Adam(0.01), torch.optim.Adam, {"eps": 1e-7}),
    (
        Adam(0.01, 0.8, 0.95, 1e-3, 0.1),
        torch.optim.Adam,
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ),
    (AdamW(0.01, 0.1), torch.optim.AdamW, {"eps": 1e-7, "weight_decay": 0.1}),
    (RMSProp(0.01), torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-7}),
    (
        RMSProp(0.01, 0.95, 0.5, 1e-4, True, 0.1),
        torch.optim.RMSprop,
        {"alpha": 0.95, "momentum": 0.5, "eps": 1e-4, "centered": True, "weight_decay": 0.1},
    ),
    (
        Adagrad(0.05, weight_decay=0.1),
        torch.optim.Adagrad,
        {"initial_accumulator_value": 0.1, "eps": 1e-7, "weight_decay": 0.1},
    ),
    (
        Adam(0.01, weight_decay=0.1, amsgrad=True),
        torch.optim.Adam,
        {"eps": 1e-7, "weight_decay": 0.1, "amsgrad": True},
    ),
    (
        AdamW(0.01, 0.1, amsgrad=True),
        torch.optim.AdamW,
        {"eps": 1e-7, "weight_decay": 0.1, "amsgrad": True},
    ),
    (
        Adadelta(0.5, 0.9, weight_decay=0.1),
        torch.optim.Adadelta,
        {"rho": 0.9, "eps": 1e-7, "weight_decay": 0.1},
    ),
    (
        NAdam(0.01, weight_decay=0.1),
        torch.optim.NAdam,
        {"eps": 1e-7, "momentum_decay": 1.0, "weight_decay": 0.1},
    ),
    (NAdam(0.01, momentum_decay=0.004), torch.optim.NAdam, {"eps": 1e-7}),
    (Adamax(0.01, weight_decay=0.1), torch.optim.Adamax, {"eps": 1e-7, "weight_decay": 0.1}),
]
IDS = [repr(case[0]) for case in CASES]
OURS = [*(case[0] for case in CASES), Lion(0.01, weight_decay=0.1), Muon(0.01)]
STEPS = 200


def problem() -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Weights of two shapes, and gradients for each step whose columns differ by 1e8 in size."""
    rng = np.random.default_rng(0)
    shapes = ((8, 6), (5,))
    weights = [rng.normal(size=shape) for shape in shapes]
    scale = np.logspace(-8, 0, 6)
    gradients = [[rng.normal(size=(8, 6)) * scale, rng.normal(size=5)] for _ in range(STEPS)]
    return weights, gradients


def rate(given: Optimizer, step: int) -> float:
    return given.learning_rate * (0.1 if step >= STEPS // 2 else 1.0)


def by_formula(given: Optimizer) -> list[np.ndarray]:
    weights, gradients = problem()
    slots = [
        {slot: np.full_like(w, first_slot(given, slot)) for slot in given.slots_used()}
        for w in weights
    ]
    for step in range(STEPS):
        for i, g in enumerate(gradients[step]):
            r = rate(given, step)
            weights[i], slots[i] = given.formula(weights[i], g, slots[i], r, step + 1)
    return weights


def by_update(given: Optimizer, fused: bool) -> list[np.ndarray]:
    weights, gradients = problem()
    tensors = {str(i): torch.tensor(w, requires_grad=True) for i, w in enumerate(weights)}
    update = Update(given, tensors, fused)
    for step in range(STEPS):
        for tensor, g in zip(tensors.values(), gradients[step], strict=True):
            tensor.grad = torch.tensor(g)
        update.step(rate(given, step))
        update.clear()
    return [tensor.detach().numpy() for tensor in tensors.values()]


def by_torch(
    given: Optimizer, kind: type, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> list[np.ndarray]:
    weights, gradients = problem()
    tensors = [torch.tensor(w, requires_grad=True) for w in weights]
    # NAdam keeps the product of its momenta in the default type.
    room = sys.modules[torch.optim.NAdam.__module__]
    monkeypatch.setattr(room, "_get_scalar_dtype", lambda: torch.float64)
    optimizer = kind(tensors, lr=given.learning_rate, **options)
    for step in range(STEPS):
        for tensor, g in zip(tensors, gradients[step], strict=True):
            tensor.grad = torch.tensor(g)
        optimizer.param_groups[0]["lr"] = rate(given, step)
        optimizer.step()
    return [tensor.detach().numpy() for tensor in tensors]


def gap(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return float(np.max([np.abs(x - y).max() for x, y in zip(a, b, strict=True)]))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_formula_is_that_of_torch(
    case: tuple[Optimizer, type, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gap(by_formula(case[0]), by_torch(*case, monkeypatch)) < 1e-10


def test_lion_moves_by_the_sign_of_its_interpolated_momentum() -> None:
    given = Lion(0.01, weight_decay=0.1)
    weights, gradients = problem()
    w, m = weights[0].copy(), np.zeros((8, 6))
    for step in range(STEPS):
        g, r = gradients[step][0], rate(given, step)
        w = w * (1 - r * 0.1) - r * np.sign(0.9 * m + 0.1 * g)
        m = 0.99 * m + 0.01 * g
    assert np.abs(by_formula(given)[0] - w).max() < 1e-12


def test_muon_is_that_of_torch_but_for_its_bfloat16() -> None:
    rng = np.random.default_rng(0)
    for shape in ((8, 6), (6, 8)):
        w, g = rng.normal(size=shape), rng.normal(size=shape)
        tensor = torch.tensor(w, requires_grad=True)
        tensor.grad = torch.tensor(g)
        other = torch.optim.Muon([tensor], lr=0.1, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
        other.step()
        slots = {"mean": np.zeros(shape), "variance": np.zeros(shape)}
        ours = Muon(0.1, weight_decay=0.1).formula(w, g, slots, 0.1, 1)[0]
        moved = np.abs(ours - w).max()
        assert np.abs(ours - tensor.detach().numpy()).max() < 0.02 * moved


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("shape", [(8, 6), (6, 8)], ids=str)
def test_muon_is_that_of_torch_over_a_run_where_torch_computes_in_double(
    shape: tuple[int, int], nesterov: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its momentum; the two add 1e-7 to norms of different size."""
    # A copy, as bfloat16 makes one: torch goes on in place.
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda tensor: tensor.double().clone())
    rng = np.random.default_rng(0)
    given = Muon(0.01, nesterov=nesterov, weight_decay=0.1)
    w = rng.normal(size=shape)
    tensor = torch.tensor(w, requires_grad=True)
    other = torch.optim.Muon(
        [tensor], lr=0.01, weight_decay=0.1, nesterov=nesterov, adjust_lr_fn="match_rms_adamw"
    )
    slots = {slot: np.zeros(shape) for slot in given.slots_used()}
    for step in range(STEPS):
        g, r = rng.normal(size=shape), rate(given, step)
        w, slots = given.formula(w, g, slots, r, step + 1)
        tensor.grad, other.param_groups[0]["lr"] = torch.tensor(g), r
        other.step()
    assert np.abs(w - tensor.detach().numpy()).max() < 1e-8


def test_muon_makes_matrices_nearly_orthogonal_and_leaves_vectors_to_adamw() -> None:
    rng = np.random.default_rng(0)
    g = rng.normal(size=(6, 9))
    slots = {"mean": np.zeros((6, 9)), "variance": np.zeros((6, 9))}
    step = -Muon(1.0, weight_decay=0.0).formula(np.zeros((6, 9)), g, slots, 1.0, 1)[0]
    singular = np.linalg.svd(step / (0.2 * 3.0), compute_uv=False)
    assert (singular > 0.6).all() and (singular < 1.3).all()
    vector = {"mean": np.zeros(5), "variance": np.zeros(5)}
    w, g = rng.normal(size=5), rng.normal(size=5)
    ours, theirs = (o.formula(w, g, vector, 0.1, 1)[0] for o in (Muon(0.1), AdamW(0.1)))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("given", OURS, ids=repr)
def test_the_update_is_the_formula(given: Optimizer, fused: bool) -> None:
    assert gap(by_formula(given), by_update(given, fused)) < 1e-10


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        (Adam(0.01), Adam(0.01, epsilon=1e-8)),
        (Adam(0.01, weight_decay=0.1), AdamW(0.01, 0.1)),
        (SGD(0.05, 0.9), SGD(0.05, 0.9, True)),
        (RMSProp(0.01), RMSProp(0.01, 0.99)),
        (Adagrad(0.05), Adagrad(0.05, 0.0)),
    ],
)
def test_a_planted_fault_breaks_the_tolerance(given: Optimizer, wrong: Optimizer) -> None:
    assert gap(by_formula(given), by_update(wrong, True)) > 1e-4


def kernel(layout: torch.memory_format) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(4, 3, 3, 3).to(memory_format=layout).requires_grad_()


def test_restored_slots_take_the_strides_of_their_parameter() -> None:
    turned, straight = kernel(torch.channels_last), kernel(torch.contiguous_format)
    updates = [Update(Adam(), {"w": w}) for w in (turned, straight)]
    for step in range(3):
        g = torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(step))
        turned.grad = g.to(memory_format=torch.channels_last)
        straight.grad = g.clone()
        for update in updates:
            update.step(1e-2)
        saved = {k: v.contiguous().numpy() for k, v in updates[0].state().items()}
        updates[0] = Update(Adam(), {"w": turned})
        updates[0].restore(saved, step + 1)
    assert torch.equal(turned, straight)


def test_the_trap_is_real_and_the_check_sees_it() -> None:
    turned, straight = kernel(torch.channels_last), kernel(torch.contiguous_format)
    updates = [Update(Adam(), {"w": w}) for w in (turned, straight)]
    g = torch.randn(4, 3, 3, 3)
    updates[0].slots["mean"][0] = torch.randn(4, 3, 3, 3)
    updates[1].slots["mean"][0] = updates[0].slots["mean"][0].clone()
    turned.grad, straight.grad = g.to(memory_format=torch.channels_last), g.clone()
    with pytest.raises(TrainingError, match="strides"):
        updates[0].check_layout()
    for update in updates:
        update.count = 1  # past the check of the first step
        update.step(1e-2)
    assert (turned - straight).abs().max() > 1e-3


def test_a_gradient_of_another_layout_is_refused() -> None:
    w = kernel(torch.channels_last)
    w.grad = torch.randn(4, 3, 3, 3)
    with pytest.raises(TrainingError, match="gradient of w"):
        Update(SGD(), {"w": w}).step(0.1)


def test_axes_of_length_one_have_no_layout() -> None:
    a = torch.randn(4, 1, 3, 3).to(memory_format=torch.channels_last)
    assert same_layout(a, torch.randn(4, 1, 3, 3))
    assert not same_layout(a, torch.randn(4, 3, 1, 3))


def test_slots_of_another_network_are_refused() -> None:
    update = Update(Adam(), {"w": kernel(torch.contiguous_format)})
    with pytest.raises(RunError, match="another network or optimizer"):
        update.restore({}, 1)
    with pytest.raises(RunError, match="'w'"):
        fill({"w": torch.zeros(3)}, {"w": np.zeros(4)}, "model")


def test_a_parameter_that_the_loss_does_not_reach_has_a_zero_gradient() -> None:
    used, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    update = Update(SGD(0.1, 0.9, weight_decay=0.5), {"used": used, "unused": unused})
    used.sum().backward()
    update.step(0.1)
    assert torch.allclose(unused, torch.full((2,), 1 - 0.1 * 0.5))


@pytest.mark.parametrize("norm", [0.1, 1.0, 1e6])
def test_clipping_is_that_of_torch(norm: float) -> None:
    made = [torch.randn(3, 4), torch.randn(5)]
    ours = [g.clone() for g in made]
    theirs = [torch.zeros_like(g).requires_grad_() for g in made]
    for tensor, g in zip(theirs, made, strict=True):
        tensor.grad = g.clone()
    torch.nn.utils.clip_grad_value_(theirs, 0.7)
    torch.nn.utils.clip_grad_norm_(theirs, norm)
    clip(ours, norm, 0.7)
    for mine, other in zip(ours, theirs, strict=True):
        assert other.grad is not None
        torch.testing.assert_close(mine, other.grad, rtol=1e-6, atol=1e-8)


def test_averages_follow_and_swap_without_loss() -> None:
    weight = torch.zeros(3)
    averages = Averages(0.9, {"w": weight})
    expected = np.zeros(3)
    for step in range(1, 100):
        weight.add_(torch.randn(3))
        averages.follow(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weight.double().numpy()
    np.testing.assert_allclose(averages.tensors["w"].numpy(), expected, rtol=1e-5)
    live, mean = weight.clone(), averages.tensors["w"].clone()
    averages.swap()
    assert torch.equal(weight, mean)
    averages.swap()
    assert torch.equal(weight, live) and torch.equal(averages.tensors["w"], mean)
