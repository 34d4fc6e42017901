"""What `trimaran explain` shows on: sampled batches, and the study of deep networks."""

from __future__ import annotations

import numpy as np
import pytest

from trimaran import zoo
from trimaran.errors import RecipeError
from trimaran.handle import Run
from trimaran.spec import sequential
from trimaran.spec.layers import Dense
from trimaran.steps import lessons


@pytest.mark.parametrize("name", ["xor-mlp", "mlp"])
def test_samples_fit_the_model_and_come_from_the_seed(name: str) -> None:
    model = zoo.build(name)
    batch, again = lessons.sample(model, 3), lessons.sample(model, 3)
    assert batch.inputs["input"].shape == (lessons.ROWS, *model.inputs[0].shape)
    units = model.output_shape("output")[-1]
    assert batch.targets["output"].shape == (lessons.ROWS, units)
    assert np.array_equal(batch.inputs["input"], again.inputs["input"])
    assert not np.array_equal(batch.inputs["input"], lessons.sample(model, 4).inputs["input"])


def test_a_model_without_a_head_is_a_regression() -> None:
    model = sequential([Dense(3)], (2,))
    (loss,) = lessons.sample(model, 0).losses.values()
    assert loss.kind == "mean_squared_error"


def test_the_three_derivatives_of_a_trained_run_agree(digits_run: object) -> None:
    run = Run(str(digits_run))
    found = lessons.chain_rule(run.model, run.weights, 0)
    assert found.worst_autograd < 1e-10 and found.worst_differences < 1e-5


def test_a_run_without_convolutions_has_no_maps(digits_run: object) -> None:
    with pytest.raises(RecipeError, match="no convolutions"):
        lessons.maps(Run(str(digits_run)), None, 0)


@pytest.mark.slow
def test_each_remedy_cures_its_ailment() -> None:
    for found in lessons.vanishing(0):
        if found.case.remedy:
            assert found.verdict == "sound" and (found.accuracy or 0) > 0.7, found.case.name
        else:
            assert found.verdict == found.case.ailment and (found.accuracy or 0) < 0.2
