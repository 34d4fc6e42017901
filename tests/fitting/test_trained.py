"""The scales around an estimator's network, and their arrays."""

import numpy as np

from trimaran import layers, spec
from trimaran.fitting.trained import Scale, Trained
from trimaran.weights import draw


def test_scales_are_weighted_and_leave_constants():
    x = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 5.0]])
    scale = Scale.fit(x, np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(scale.center, [2.0, 5.0])
    np.testing.assert_allclose(scale.scale, [1.0, 1.0])
    np.testing.assert_allclose(scale.undo(scale.apply(x)), x)
    pictures = Scale.fit(x.reshape(1, 6), np.ones(1), channels=2)
    np.testing.assert_allclose(pictures.center[:2], x.mean(axis=0))
    np.testing.assert_allclose(pictures.scale[0], x[:, 0].std())


def test_a_constant_far_from_zero_is_no_reason_to_divide_by_rounding_errors():
    x = np.full((1000, 1), 0.1) * 3 + 1e6
    scale = Scale.fit(x, np.ones(1000))
    assert scale.scale[0] == 1.0
    np.testing.assert_allclose(scale.apply(x), 0, atol=1e-6)


def test_arrays_hold_everything():
    model = spec.sequential([layers.Dense(2)], (3,))
    scale = Scale(np.arange(3.0), np.ones(3))
    for targets in (None, Scale(np.zeros(2), np.ones(2))):
        kept = Trained(model, draw(model, 0), scale, targets)
        again = Trained.from_arrays(model, kept.arrays())
        assert (again.targets is None) == (targets is None)
        np.testing.assert_array_equal(again.inputs.center, scale.center)
        for key, array in kept.weights.items():
            np.testing.assert_array_equal(again.weights[key], array)
