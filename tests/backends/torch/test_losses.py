"""Losses against NumPy formulas in float64 and scikit-learn's log_loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, mean_pinball_loss
from torch import nn

from trimaran.backends.torch.losses import Criterion, figure, score_function
from trimaran.errors import TrainingError
from trimaran.tasks.loss import KINDS, Loss, Objective

N, K = 11, 4
WEIGHTS = (0.5, 2.0, 1.0, 3.0)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def case(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """An output (before any head) and a target of each kind."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, N)
    if kind == "sparse_categorical_crossentropy":
        return rng.normal(size=(N, K)), labels
    if kind == "categorical_crossentropy":
        return rng.normal(size=(N, K)), np.eye(K)[labels]
    if kind == "binary_crossentropy":
        return rng.normal(size=(N, 1)), rng.integers(0, 2, N)
    return rng.normal(size=(N, 3)) * 2, rng.normal(size=(N, 3))


def expected_rows(loss: Loss, output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Each row's loss from the textbook formula."""
    s = loss.label_smoothing
    if loss.kind == "binary_crossentropy":
        p = 1 / (1 + np.exp(-output[:, 0])) if loss.from_logits else output[:, 0]
        y = target * (1 - s) + s / 2
        return -(y * np.log(p) + (1 - y) * np.log(1 - p))
    if "crossentropy" in loss.kind:
        p = softmax(output) if loss.from_logits else output
        y = np.eye(K)[target] if target.ndim == 1 else target
        return -((y * (1 - s) + s / K) * np.log(p)).sum(-1)
    d = np.abs(output - target)
    by_value = {
        "mean_squared_error": d**2,
        "mean_absolute_error": d,
        "huber": np.where(d <= 1, d**2 / 2, d - 0.5),
    }
    return by_value[loss.kind].mean(-1)


def expected_weights(loss: Loss, target: np.ndarray, sample: np.ndarray | None) -> np.ndarray:
    weights = np.ones(N) if sample is None else sample.astype(float)
    if loss.class_weights is not None:
        classes = target.argmax(-1) if target.ndim == 2 else target
        weights = weights * np.array(loss.class_weights)[classes]
    return weights


def measured(loss: Loss, output: torch.Tensor, target: Any, sample: np.ndarray | None) -> Any:
    criterion = Criterion(Objective({"output": loss}))
    y = torch.tensor(target)
    w = None if sample is None else torch.tensor(sample)
    by_row, total = criterion.row_weights("output", y, w)
    sums = {"output": criterion.sum("output", output, y, by_row)}
    return criterion, sums, {"output": total}


@given(
    kind=st.sampled_from(KINDS),
    logits=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1]),
    by_class=st.booleans(),
    by_sample=st.booleans(),
    seed=st.integers(0, 99),
)
def test_every_loss_is_its_formula(
    kind: str, logits: bool, smoothing: float, by_class: bool, by_sample: bool, seed: int
) -> None:
    crossed = "crossentropy" in kind
    classes = WEIGHTS if crossed and by_class else None
    loss = Loss(kind, logits, smoothing if crossed else 0.0, classes, 1.5)
    raw, target = case(kind, seed)
    output = raw
    if crossed and not logits:
        output = softmax(raw) if raw.shape[1] > 1 else 1 / (1 + np.exp(-raw))
    sample = np.random.default_rng(seed).random(N).astype(np.float32) if by_sample else None
    criterion, sums, totals = measured(loss, torch.tensor(output), target, sample)
    weights = expected_weights(loss, target, sample)
    rows = expected_rows(loss, output, target)
    expected = 1.5 * (weights * rows).sum() / weights.sum()
    mean = criterion.mean(sums, totals)
    assert mean.item() == pytest.approx(expected, rel=1e-6)


def test_the_loss_of_quantiles_is_scikit_learns() -> None:
    rng, levels = np.random.default_rng(2), (0.2, 0.5, 0.9)
    target, told = rng.normal(size=(N, 4, 2)), rng.normal(size=(N, 4, 6))
    loss = Loss("pinball", levels=levels)
    criterion, sums, totals = measured(loss, torch.tensor(told), target, None)
    parts = [told[..., 2 * k : 2 * k + 2].ravel() for k in range(3)]
    expected = np.mean(
        [mean_pinball_loss(target.ravel(), p, alpha=q) for p, q in zip(parts, levels, strict=True)]
    )
    assert criterion.mean(sums, totals).item() == pytest.approx(expected)


def test_scikit_learn_agrees() -> None:
    raw, target = case("sparse_categorical_crossentropy", 1)
    sample = np.random.default_rng(1).random(N)
    loss = Loss("sparse_categorical_crossentropy")
    criterion, sums, totals = measured(loss, torch.tensor(raw), target, sample)
    expected = log_loss(target, softmax(raw), sample_weight=sample, labels=range(K))
    assert float(criterion.mean(sums, totals)) == pytest.approx(expected, rel=1e-12)


def test_class_weights_are_those_of_torch() -> None:
    raw, target = case("sparse_categorical_crossentropy", 2)
    loss = Loss("sparse_categorical_crossentropy", class_weights=WEIGHTS)
    criterion, sums, totals = measured(loss, torch.tensor(raw).float(), target, None)
    oracle = nn.CrossEntropyLoss(weight=torch.tensor(WEIGHTS))
    expected = oracle(torch.tensor(raw).float(), torch.tensor(target))
    torch.testing.assert_close(criterion.mean(sums, totals), expected)


def test_probabilities_are_clipped_once() -> None:
    p = torch.tensor([[1.0, 0.0], [2.0, 2.0]])
    loss = Loss("sparse_categorical_crossentropy", from_logits=False)
    criterion, sums, totals = measured(loss, p, np.array([1, 0]), None)
    expected = (-np.log(1e-7) - np.log(0.5)) / 2
    assert float(criterion.mean(sums, totals)) == pytest.approx(expected, rel=1e-6)


def test_rows_without_any_weight_have_no_loss_and_no_gradient() -> None:
    output = torch.randn(3, 2, requires_grad=True)
    criterion, sums, totals = measured(
        Loss("sparse_categorical_crossentropy"), output, np.array([0, 1, 0]), np.zeros(3, "f4")
    )
    criterion.mean(sums, totals).backward()
    assert output.grad is not None and not output.grad.any()


def test_several_outputs_add_up_with_their_weights() -> None:
    losses = {"a": Loss("mse", weight=2.0), "b": Loss("mae", weight=0.5)}
    criterion = Criterion(Objective(losses))
    sums = {"a": torch.tensor(6.0), "b": torch.tensor(4.0)}
    assert float(criterion.mean(sums, {"a": 3, "b": 2})) == pytest.approx(2 * 2 + 0.5 * 2)


def test_targets_of_the_wrong_size_are_named() -> None:
    with pytest.raises(TrainingError, match=r"\(3, 2\).*\(3,\)"):
        measured(Loss("mse"), torch.zeros(3, 2), np.zeros(3), None)


def test_figures() -> None:
    y = torch.tensor([0, 1, 1])
    scores = torch.tensor([[2.0, 1.0], [2.0, 1.0], [0.0, 1.0]])
    sparse = Loss("sparse_categorical_crossentropy")
    assert figure("accuracy", sparse, scores, y).tolist() == [1, 0, 1]
    one_hot = torch.eye(2)[y]
    assert figure("accuracy", Loss("categorical_crossentropy"), scores, one_hot).sum() == 2
    logits = torch.tensor([[-1.0], [0.2], [-0.3]])
    assert figure("accuracy", Loss("binary_crossentropy"), logits, y).tolist() == [1, 1, 0]
    shares = Loss("binary_crossentropy", from_logits=False)
    assert figure("accuracy", shares, logits.sigmoid(), y).tolist() == [1, 1, 0]
    assert figure("mean_absolute_error", Loss("mse"), logits, y).tolist() == pytest.approx(
        [1.0, 0.8, 1.3]
    )
    assert figure("mean_squared_error", Loss("mse"), logits, y)[0] == 1


class TwoHeads(nn.Module):
    def logits(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"b": x, "a": x + 1}

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"b": x.sigmoid(), "a": (x + 1).sigmoid()}


def test_the_network_is_called_below_its_head_where_the_losses_want_it() -> None:
    x = torch.zeros(2, 1)
    binary = Loss("binary_crossentropy")
    on_logits = score_function(TwoHeads(), Objective({"a": binary, "b": Loss("mse")}))
    assert list(on_logits(x)) == ["a", "b"] and float(on_logits(x)["a"][0, 0]) == 1
    plain = Loss("binary_crossentropy", from_logits=False)
    on_shares = score_function(TwoHeads(), Objective({"a": plain, "b": plain}))
    assert float(on_shares(x)["b"][0, 0]) == 0.5
    heads = {"b": "sigmoid"}
    mixed = score_function(TwoHeads(), Objective({"a": binary, "b": plain}, heads=heads))
    assert float(mixed(x)["a"][0, 0]) == 1
    assert float(mixed(x)["b"][0, 0]) == 0.5


def test_class_weights_keep_the_precision_of_the_network() -> None:
    loss = Loss("sparse_categorical_crossentropy", class_weights=(1 / 3, 0.1))
    criterion = Criterion(Objective({"output": loss}), dtype=torch.float64)
    weights, total = criterion.row_weights("output", torch.tensor([0, 1, 1]), None)
    assert weights is not None and weights.tolist() == [1 / 3, 0.1, 0.1]
    assert float(total) == pytest.approx(1 / 3 + 0.2, rel=1e-15)
