"""Initial weights: moments by their definitions, and independence from everything else."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from trimaran import spec
from trimaran.errors import RecipeError
from trimaran.spec import Parameter
from trimaran.spec.initializers import (
    INITIALIZERS,
    Constant,
    Gates,
    Initializer,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
)
from trimaran.spec.layers import BatchNormalization, Conv2D, Dense
from trimaran.weights.draw import SHRINK, draw, draw_one

FAN = (300, 200)


def sample(initial: Initializer, seed: int = 0) -> np.ndarray:
    parameter = Parameter("weight", (200, 300), initial, FAN)
    return draw_one(parameter, seed, "dense1.weight").ravel()


def test_constants() -> None:
    assert (sample(Constant(0.5)) == 0.5).all()


DISTRIBUTIONS: list[tuple[Initializer, Any]] = [
    (Uniform(0.05), stats.uniform(-0.05, 0.1)),
    (Normal(0.02), stats.norm(0, 0.02)),
    (Normal(0.02, truncated=True), stats.truncnorm(-2, 2, 0, 0.02)),
    (INITIALIZERS["glorot_uniform"], stats.uniform(-sqrt(6 / 500), 2 * sqrt(6 / 500))),
    (INITIALIZERS["he_uniform"], stats.uniform(-sqrt(6 / 300), 2 * sqrt(6 / 300))),
    (INITIALIZERS["torch_uniform"], stats.uniform(-sqrt(1 / 300), 2 * sqrt(1 / 300))),
    (INITIALIZERS["kaiming_normal_fan_out"], stats.norm(0, sqrt(2 / 200))),
    (INITIALIZERS["he_normal"], stats.truncnorm(-2, 2, 0, sqrt(2 / 300) / 0.87962566)),
    (INITIALIZERS["lecun_normal"], stats.truncnorm(-2, 2, 0, sqrt(1 / 300) / 0.87962566)),
]


@pytest.mark.parametrize(("initial", "expected"), DISTRIBUTIONS)
def test_draws_follow_their_distribution(initial: Initializer, expected: Any) -> None:
    """Kolmogorov and Smirnov on 60,000 draws: shape, mean, spread and cut-off at once."""
    assert stats.kstest(sample(initial), expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize("wrong", [0.97, 1.03])
def test_that_oracle_sees_a_spread_that_is_off_by_three_percent(wrong: float) -> None:
    made = sample(INITIALIZERS["he_normal"])
    expected = stats.truncnorm(-2, 2, 0, wrong * sqrt(2 / 300) / 0.87962566)
    assert stats.kstest(made, expected.cdf).pvalue < 1e-3


@pytest.mark.parametrize("name", ["glorot_uniform", "he_normal", "lecun_normal", "glorot_normal"])
def test_variance_scaling_keeps_its_variance(name: str) -> None:
    rule = INITIALIZERS[name]
    assert isinstance(rule, VarianceScaling)
    fan = {"fan_in": 300, "fan_avg": 250}[rule.mode]
    assert np.var(sample(rule)) == pytest.approx(rule.scale / fan, rel=0.02)


def test_nothing_lies_beyond_the_cut() -> None:
    made = sample(Normal(1.0, truncated=True))
    assert 1.9 < np.abs(made).max() <= 2
    assert pytest.approx(stats.truncnorm(-2, 2).std(), abs=1e-12) == SHRINK


@pytest.mark.parametrize("shape", [(8, 8), (12, 3), (3, 12), (4, 5, 2)])
def test_the_smaller_side_of_an_orthogonal_draw_is_orthonormal(shape: tuple[int, ...]) -> None:
    made = draw_one(Parameter("weight", shape, Orthogonal(1.5)), 0, "a.weight")
    matrix = made.reshape(shape[0], -1).astype(np.float64)
    square = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    assert made.shape == shape and made.dtype == np.float32
    assert np.abs(square - 1.5**2 * np.eye(len(square))).max() < 1e-6


def test_orthogonal_draws_lie_in_every_direction() -> None:
    """The first entry of a 2 by 2 one is the cosine of a uniform angle (Mezzadri 2007): without the
    signs of R on the diagonal a QR's columns lean to one side."""
    parameter = Parameter("weight", (2, 2), Orthogonal())
    firsts = [draw_one(parameter, seed, "a.weight")[0, 0] for seed in range(2000)]
    assert stats.kstest(firsts, stats.arcsine(-1, 2).cdf).pvalue > 1e-3
    leaning = [
        np.linalg.qr(np.random.default_rng(seed).normal(size=(2, 2)))[0][0, 0]
        for seed in range(2000)
    ]
    assert stats.kstest(leaning, stats.arcsine(-1, 2).cdf).pvalue < 1e-3


def test_gates_are_blocks_of_equal_length() -> None:
    made = draw_one(Parameter("bias", (8,), Gates((0.0, 1.0, 0.0, 2.0))), 0, "a.bias")
    assert made.tolist() == [0, 0, 1, 1, 0, 0, 2, 2]


def model(*more: spec.Layer) -> spec.Model:
    first = Conv2D(8, 3, activation="relu", name="first")
    return spec.sequential([first, *more, Dense(3, name="last")], (9, 9, 2))


def test_order_types_and_shapes_are_the_descriptions() -> None:
    described = model(BatchNormalization()).parameters
    arrays = draw(model(BatchNormalization()), 0)
    assert list(arrays) == list(described)
    for key, parameter in described.items():
        assert arrays[key].shape == parameter.shape and arrays[key].dtype == parameter.dtype


def test_another_layer_changes_no_draw() -> None:
    one, two = draw(model(), 7), draw(model(BatchNormalization(), Conv2D(8, 1)), 7)
    for key in one:
        np.testing.assert_array_equal(one[key], two[key])


def test_seeds_and_keys_are_independent() -> None:
    keys = {
        (seed, key): draw_one(Parameter("w", (9,), Normal()), seed, key).tobytes()
        for seed in (0, 1, 2**64 - 1)
        for key in ("a.weight", "b.weight")
    }
    assert len(set(keys.values())) == 6
    again = draw_one(Parameter("w", (9,), Normal()), 1, "a.weight").tobytes()
    assert again == keys[1, "a.weight"]


def test_these_numbers_never_change() -> None:
    """Runs are reproduced years later: a new draw is a new format, not a bug fix."""
    arrays = draw(spec.sequential([Dense(2)], (2,)), 0)
    golden = [1.0337523221969604, -0.9842655658721924, 0.6090037822723389, -0.786794126033783]
    assert arrays["dense1.weight"].ravel().tolist() == golden


def test_float64_starts_from_the_same_numbers() -> None:
    single, double = draw(model(), 3), draw(model(), 3, np.float64)
    for key, array in single.items():
        assert double[key].dtype == np.float64
        np.testing.assert_array_equal(array, double[key])
    assert draw(model(BatchNormalization()), 3, np.float64)["bn1.num_batches_tracked"].dtype == int


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(RecipeError, match=r"seed: expected a whole number from 0 to 2\*\*64 - 1"):
        draw(model(), seed)
