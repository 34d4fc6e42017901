"""A traced graph as NumPy: each operation as PyTorch computes it, or the whole stays there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import threadpoolctl
import torch
from torch import Tensor
from torch.nn import functional as F

from trimaran.backends.torch.lowering.graph import Step, lowered

ROWS = {"x": (1, 1, 6), "y": (1, 1, 6), "w": (4, 6), "b": (4,)}
HEADS = {"q": (1, 2, 1, 4), "k": (1, 2, 5, 4), "v": (1, 2, 5, 4)}
TOKEN = torch.tensor([[2]])
HOLES = torch.tensor([[True, False, True, True, False]])
FIRST = torch.tensor([[True, True, True, False, False]])


def traced(function: Callable[..., Tensor], *given: Tensor) -> Step | None:
    def run(*tensors: Tensor) -> tuple[Tensor]:
        return (function(*tensors),)

    with pytest.warns(DeprecationWarning):
        graph = torch.jit.trace(run, given).graph
    torch._C._jit_pass_inline(graph)
    torch._C._jit_pass_peephole(graph, False)
    torch._C._jit_pass_constant_propagation(graph)
    return lowered(graph)


def first(row: Tensor) -> Tensor:
    """The place of the first row, repeated for each number of a row."""
    return (0 * row[..., :1]).to(torch.int64).expand(row.shape)


def drawn(*shapes: tuple[int, ...]) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [torch.from_numpy(rng.normal(size=s).astype(np.float32)) for s in shapes]


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x, y: x + y - 2 * x, (ROWS["x"], ROWS["y"])),
        (lambda x, y: torch.addcmul(x, x, -y), (ROWS["x"], ROWS["y"])),
        (lambda x: torch.cos(x) * torch.sin(x), (ROWS["x"],)),
        (lambda x: torch.sigmoid(x) + torch.tanh(x) + torch.relu(x), (ROWS["x"],)),
        (F.gelu, (ROWS["x"],)),
        (lambda x: torch.softmax(9 * x, -1), (ROWS["x"],)),
        (F.linear, (ROWS["x"], ROWS["w"], ROWS["b"])),
        (F.linear, (ROWS["x"], ROWS["w"])),
        (lambda x: F.layer_norm(x, (6,)), (ROWS["x"],)),
        (lambda x, w, b: F.layer_norm(x, (6,), w, b), (ROWS["x"], (6,), (6,))),
        (lambda w: F.embedding(TOKEN, w), (ROWS["w"],)),
        (lambda x: F.one_hot((x <= 0).to(torch.int64), 5), (ROWS["x"],)),
        (lambda x: (2 * x).add_(1).sigmoid_() * x, (ROWS["x"],)),
        (lambda x: torch.cat([x[..., 1:3], x[..., ::2]], -1), (ROWS["x"],)),
        (lambda x: torch.cat(x.split([2, 4], -1)[::-1], -1), (ROWS["x"],)),
        (lambda x: torch.cat(x.chunk(3, -1)[::-1], -1), (ROWS["x"],)),
        (lambda x: x.unflatten(-1, (2, 3)).transpose(-1, -2).flatten(1), (ROWS["x"],)),
        (lambda x: x[:, 0].unsqueeze(-1).expand(-1, -1, 3), (ROWS["x"],)),
        (lambda x: x.roll(2, -1) + x.roll(-1, 2), (ROWS["x"],)),
        (lambda x: (3 * x).to(torch.int32) + 2, (ROWS["x"],)),
        (lambda x: (x <= 0.25).to(torch.float32), (ROWS["x"],)),
        (F.scaled_dot_product_attention, tuple(HEADS.values())),
        (lambda *a: F.scaled_dot_product_attention(*a, HOLES), tuple(HEADS.values())),
        (lambda *a: F.scaled_dot_product_attention(*a, FIRST), tuple(HEADS.values())),
        (lambda *a: F.scaled_dot_product_attention(*a, scale=0.3), tuple(HEADS.values())),
    ],
)
def test_it_computes_what_pytorch_computes(
    function: Callable[..., Tensor], shapes: tuple[tuple[int, ...], ...]
):
    given = drawn(*shapes)
    step = traced(function, *given)
    wanted = function(*given).numpy()
    if step is None:
        pytest.fail("it was left to PyTorch")
    (found,) = step(*(tensor.numpy() for tensor in given))
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert np.abs(found - wanted).max() <= 1e-6


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (torch.erfinv, (ROWS["x"],)),
        (lambda x, y: torch.add(x, y, alpha=2), (ROWS["x"], ROWS["y"])),
        (lambda x: F.gelu(x, approximate="tanh"), (ROWS["x"],)),
        (lambda x: torch.softmax(x, 1), (ROWS["x"],)),
        (F.linear, ((1, 2, 6), ROWS["w"])),
        (lambda x: F.layer_norm(x, (2, 6)), ((1, 2, 6),)),
        (lambda *a: F.scaled_dot_product_attention(*a, is_causal=True), tuple(HEADS.values())),
        (lambda x: (y := x * 2) + y[..., :1].add_(1), (ROWS["x"],)),
        (lambda x: (y := x * 2) + y.chunk(2, -1)[0].sum().add_(1), (ROWS["x"],)),
        (lambda x: x.clone() + x.add_(1), (ROWS["x"],)),
        (lambda x: x.to(torch.int32) * 2.5, (ROWS["x"],)),
        (lambda x, y: x.scatter(1, first(y), y) + x, (ROWS["x"], ROWS["y"])),
        (lambda x, y: (2 * x).scatter(1, first(y), y), (ROWS["x"], ROWS["y"])),
        (lambda x, y: x.scatter(2, first(y), y), (ROWS["x"], ROWS["y"])),
        (lambda x, y: x.scatter(1, (0 * y).to(torch.int64), y), (ROWS["x"], ROWS["y"])),
    ],
)
def test_what_has_no_counterpart_stays_with_pytorch(
    function: Callable[..., Tensor], shapes: tuple[tuple[int, ...], ...]
):
    assert traced(function, *drawn(*shapes)) is None


def test_a_row_is_put_in_its_place():
    states, row = drawn((1, 3, 2), (1, 1, 2))

    def put(states: Tensor, row: Tensor, at: Tensor) -> Tensor:
        return states.scatter(1, at.to(torch.int64).unsqueeze(2).expand(-1, 1, 2), row)

    step = traced(put, states, row, torch.ones(1, 1))
    assert step is not None
    wanted = put(states, row, torch.full((1, 1), 2.0)).numpy()
    (found,) = step(states.numpy(), row.numpy(), np.full((1, 1), 2, np.float32))
    assert (found == wanted).all()


def test_every_step_is_computed_anew_in_the_memory_of_the_first():
    step = traced(lambda x: x.swapaxes(1, 2).reshape(1, 12) * 2, *drawn((1, 3, 4)))
    assert step is not None
    rows = [np.arange(n, n + 12, dtype=np.float32).reshape(1, 3, 4) for n in (0, 100)]
    found = [step(row)[0] for row in rows]
    assert found[0] is found[1]
    assert (found[0] == 2 * rows[1].swapaxes(1, 2).reshape(1, 12)).all()


def test_states_that_a_step_returned_are_taken_without_a_copy():
    states, row = drawn((1, 3, 2), (1, 1, 2))
    step = traced(lambda states, row: states.scatter(1, first(row), row), states, row)
    assert step is not None
    (once,) = step(states.numpy(), row.numpy())
    (again,) = step(once, -row.numpy())
    assert again is once and (again[0, 0] == -row.numpy()[0, 0]).all()
    assert (again[0, 1:] == states.numpy()[0, 1:]).all()
    assert not (states.numpy() == again).all()  # what was given first stays as it was


def test_products_leave_the_threads_as_they_were():
    before = threadpoolctl.threadpool_info()
    given = drawn(ROWS["x"], ROWS["w"])
    step = traced(F.linear, *given)
    assert step is not None
    step(*(tensor.numpy() for tensor in given))
    assert threadpoolctl.threadpool_info() == before
