"""The public names of the layers are those of the description, all of them."""

from trimaran import layers
from trimaran.spec.layers import LAYERS


def test_every_layer_of_the_description_is_public():
    for name, kind in LAYERS.items():
        assert getattr(layers, name) is kind
    assert set(LAYERS) < set(layers.__all__)


def test_all_names_exist_and_stand_once():
    assert len(set(layers.__all__)) == len(layers.__all__)
    assert all(getattr(layers, name) for name in layers.__all__)
