"""Losses and their derivatives against PyTorch's, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from trimaran.backends.reference.losses import KINDS, evaluate
from trimaran.errors import TrainingError
from trimaran.tasks.loss import KINDS as NAMES
from trimaran.tasks.loss import Loss

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(6, 4)) * 2
IDS = np.array([0, 3, 1, 1, 2, 0])
ONE_HOT = np.eye(4)[IDS]
SOFT = RNG.dirichlet(np.ones(4), 6)
BITS = RNG.integers(0, 2, (6, 4)).astype(float)
CLASS_WEIGHTS = (0.5, 2.0, 1.0, 3.0)
ROWS = np.array([1.0, 0.0, 2.0, 0.5, 1.0, 4.0])


def check(loss, z, target, oracle, weights=None, logits=True):
    value, gradient = evaluate(loss, z, target, logits, weights)
    tensor = torch.tensor(z, requires_grad=True)
    expected = oracle(tensor)
    expected.backward()
    assert abs(value - expected.item()) <= 1e-12 * max(1, abs(value))
    assert np.abs(gradient - tensor.grad.numpy()).max() <= 1e-12


def test_every_loss_of_the_tasks_is_here():
    assert set(KINDS) == set(NAMES)


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_sparse_cross_entropy_with_class_weights(weight):
    loss = Loss("sparse_categorical_crossentropy", class_weights=CLASS_WEIGHTS, weight=weight)
    check(
        loss,
        Z,
        IDS,
        lambda z: (
            weight * F.cross_entropy(z, torch.tensor(IDS), torch.tensor(CLASS_WEIGHTS).double())
        ),
    )


@pytest.mark.parametrize("target", [ONE_HOT, SOFT])
def test_cross_entropy_with_smoothing(target):
    loss = Loss("categorical_crossentropy", label_smoothing=0.1)
    check(loss, Z, target, lambda z: F.cross_entropy(z, torch.tensor(target), label_smoothing=0.1))


def test_sample_weights_have_their_own_denominator():
    def oracle(z):
        rows = F.cross_entropy(z, torch.tensor(IDS), reduction="none")
        return (rows * torch.tensor(ROWS)).sum() / ROWS.sum()

    check(Loss("sparse_categorical_crossentropy"), Z, IDS, oracle, ROWS)


def test_sample_and_class_weights_multiply():
    w = torch.tensor(ROWS * np.array(CLASS_WEIGHTS)[IDS])

    def oracle(z):
        rows = F.cross_entropy(z, torch.tensor(IDS), reduction="none", label_smoothing=0.2)
        return (rows * w).sum() / w.sum()

    loss = Loss("sparse_categorical_crossentropy", label_smoothing=0.2, class_weights=CLASS_WEIGHTS)
    check(loss, Z, IDS, oracle, ROWS)


def test_binary_cross_entropy():
    target = torch.tensor(BITS)
    smooth = target * 0.8 + 0.1
    loss = Loss("binary_crossentropy", label_smoothing=0.2)
    check(loss, Z, BITS, lambda z: F.binary_cross_entropy_with_logits(z, smooth))


def test_binary_cross_entropy_of_one_column_takes_flat_targets_and_class_weights():
    z, bits = Z[:, :1], BITS[:, 0]
    w = torch.tensor(np.where(bits == 1, 3.0, 0.5))

    def oracle(z):
        rows = F.binary_cross_entropy_with_logits(z[:, 0], torch.tensor(bits), reduction="none")
        return (rows * w).sum() / w.sum()

    check(Loss("binary_crossentropy", class_weights=(0.5, 3.0)), z, bits, oracle)


def test_probabilities_give_the_loss_of_their_logits():
    p = torch.softmax(torch.tensor(Z), -1).numpy()
    value, _ = evaluate(Loss("categorical_crossentropy", from_logits=False), p, SOFT, False)
    expected, _ = evaluate(Loss("categorical_crossentropy"), Z, SOFT, True)
    assert abs(value - expected) <= 1e-12


def test_categorical_probabilities_are_divided_by_their_sum_and_clipped():
    p = np.array([[0.2, 0.9, 0.3], [0.0, 1.0, 0.0]])
    t = np.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0]])

    def oracle(z):
        q = (z / z.sum(-1, keepdim=True)).clamp(1e-7, 1 - 1e-7)
        return -(torch.tensor(t) * q.log()).sum(-1).mean()

    check(Loss("categorical_crossentropy", from_logits=False), p, t, oracle, logits=False)


def test_binary_probabilities_are_clipped():
    p, t = np.array([[0.2], [1.0], [0.0], [0.7]]), np.array([1.0, 0.0, 1.0, 0.0])

    def oracle(z):
        return F.binary_cross_entropy(z.clamp(1e-7, 1 - 1e-7)[:, 0], torch.tensor(t))

    check(Loss("binary_crossentropy", from_logits=False), p, t, oracle, logits=False)


@pytest.mark.parametrize(
    ("kind", "oracle"),
    [
        ("mean_squared_error", F.mse_loss),
        ("mean_absolute_error", F.l1_loss),
        ("huber", F.huber_loss),
    ],
)
def test_regression(kind, oracle):
    target = RNG.normal(size=Z.shape)
    check(Loss(kind), Z, target, lambda z: oracle(z, torch.tensor(target)))


def test_quantiles_are_koenkers_and_bassetts():
    levels, target = (0.1, 0.7), RNG.normal(size=(len(Z), 2))

    def oracle(z):
        t = torch.tensor(target)
        parts = []
        for q, told in zip(levels, z.split(2, -1), strict=True):
            parts.append(torch.where(t >= told, q * (t - told), (1 - q) * (told - t)))
        return torch.cat(parts, -1).mean()

    check(Loss("pinball", levels=levels), Z, target, oracle)


def test_an_output_of_several_positions_is_a_mean_over_them():
    z, ids = RNG.normal(size=(2, 5, 3)), RNG.integers(0, 3, (2, 5))
    check(
        Loss("sparse_categorical_crossentropy"),
        z,
        ids,
        lambda z: F.cross_entropy(z.movedim(-1, 1), torch.tensor(ids)),
    )


def test_a_target_of_another_size_is_refused():
    with pytest.raises(TrainingError, match="expected a target of 4 numbers"):
        evaluate(Loss("mean_squared_error"), Z, Z[:, :2], True)
