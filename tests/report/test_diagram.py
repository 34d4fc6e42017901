"""The diagram counts as the model counts."""

import pytest

from trimaran import zoo
from trimaran.report import diagram


@pytest.mark.parametrize("name", sorted(zoo.ZOO))
def test_every_zoo_model_is_drawn_with_all_its_parameters(name):
    model = zoo.build(name)
    boxes = diagram.chain(model)
    assert 2 <= len(boxes) <= 30
    assert sum(box.parameters for box in boxes) == model.size


@pytest.mark.parametrize("name", ["perceptron", "xor-mlp", "mlp", "mnist-mlp", "mlp-100-64-10"])
def test_dense_nets_are_drawn_as_neurons(name):
    picture = diagram.neurons(zoo.build(name))
    assert picture is not None and 'class="unit"' in picture


@pytest.mark.parametrize("name", ["lenet5", "resnet18"])
def test_other_nets_are_not(name):
    assert diagram.neurons(zoo.build(name)) is None


def test_numbers_that_rescale_stand_in_their_box():
    from trimaran.spec import Input, functional
    from trimaran.spec.layers import Conv2D, Dense, Flatten

    x = Input((4, 4, 1))
    _, scaled, *_ = diagram.chain(functional(x, Conv2D(2, 3)(x / 255)))
    assert (scaled.kind, scaled.path, scaled.detail) == ("Rescaling", "rescale1", "0.003922 x")
    assert diagram.chain(functional(x, Conv2D(2, 3)(1 - x)))[1].detail == "-1 x + 1"
    assert diagram.neurons(functional(x, Dense(2)(Flatten()(x / 255)))) is not None


def test_figure_1_has_its_nine_circles_and_twenty_lines():
    from trimaran.spec import sequential
    from trimaran.spec.layers import Dense

    picture = diagram.neurons(sequential([Dense(4, activation="relu"), Dense(2)], (3,), "fig"))
    assert picture.count("<circle") == 9
    assert picture.count('class="synapse"') == 3 * 4 + 4 * 2
