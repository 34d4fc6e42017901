"""Feature maps: the arrays are the layers' own, and the picture holds them."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
from PIL import Image

from trimaran.backends.reference import BACKEND
from trimaran.explain.drawing import png
from trimaran.explain.features import draw, features, grey, map_paths, tiles
from trimaran.spec import layers, sequential
from trimaran.weights.draw import draw as draw_weights
from trimaran.zoo import ZOO

MODEL = sequential(
    [
        layers.Conv2D(3, 3, activation="relu", input_shape=(8, 8, 1)),
        layers.MaxPooling2D(2),
        layers.Conv2D(2, 2),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Flatten(),
        layers.Dense(4, activation="softmax"),
    ]
)


def test_maps_are_taken_after_normalization_and_activation():
    assert map_paths(MODEL) == ("relu1", "pool1", "relu2")


def test_of_many_layers_some_are_shown_from_first_to_last():
    paths = map_paths(ZOO["resnet18"].make((32, 32, 3), 10))
    assert len(paths) == 6
    assert paths[0] == "relu" and paths[-1].startswith("layer4")


def test_a_model_of_series_shows_none():
    assert map_paths(ZOO["patchtst"].make((32, 2), 2, 4)) == ()


def test_the_maps_are_the_networks_own():
    network = BACKEND.build(MODEL, draw_weights(MODEL, 0))
    x = np.random.default_rng(0).random((3, 8, 8, 1))
    found = features(network, {"input": x}, row=1)
    expected = network.forward({"input": x}, ["relu1"])
    assert np.allclose(found.maps["relu1"], expected.taps["relu1"][1], atol=1e-14)
    assert np.allclose(found.scores, expected.outputs["output"][1], atol=1e-14)
    assert (found.picture == x[1]).all()
    assert list(features(network, {"input": x}, paths=["conv1"]).maps) == ["conv1"]


def test_tiles_stand_in_channel_order_with_lines_between():
    maps = np.stack([np.zeros((2, 2)), np.eye(2), 1 - np.eye(2)], axis=-1)
    sheet = tiles(maps, columns=2)
    assert sheet.shape == (5, 5)
    assert sheet[:2, :2].max() == 0
    assert sheet[:2, 3:].tolist() == [[255, 0], [0, 255]]
    assert sheet[3:, :2].tolist() == [[0, 255], [255, 0]]
    assert (sheet[2] == 255).all()


def test_grey_stretches_and_survives_a_constant():
    assert grey(np.array([1.0, 2.0, 3.0])).tolist() == [0, 128, 255]
    assert grey(np.full(3, 7.0)).tolist() == [0, 0, 0]


def test_a_png_reads_back():
    rng = np.random.default_rng(0)
    for pixels in (rng.integers(0, 256, s).astype(np.uint8) for s in [(3, 5), (4, 2, 3)]):
        with Image.open(io.BytesIO(png(pixels))) as picture:
            assert (np.asarray(picture) == pixels).all()


def test_the_figure_shows_each_stage_and_score():
    network = BACKEND.build(MODEL, draw_weights(MODEL, 0))
    found = features(network, {"input": np.random.default_rng(0).random((1, 8, 8, 1))})
    root = ET.fromstring(draw(found, ("cat", "dog", "<fox>", "owl")))
    assert len(root.findall("{*}image")) == 4
    words = [t.text for t in root.findall("{*}text")]
    assert {"cat", "<fox>", "relu2", "output"} <= set(words)
