"""Every layer that a description has, brought in from Keras, computes the same on PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from trimaran.backends.protocol import Translation
from trimaran.backends.reference.build import ReferenceBackend
from trimaran.backends.torch.build import backend as torch
from trimaran.spec import layers as L
from trimaran.spec.codec import from_json, to_json
from trimaran.steps import brought
from trimaran.weights.store import check

FILE = Path(__file__).parent / "users.py"
READERS = FILE.with_name("readers.py")
USERS = [
    f"{file}:{name}"
    for file in (FILE, READERS)
    for name in re.findall(r"^def ([a-z]\w*)\(\):", file.read_text(), re.M)
]
SINGLE, HALF = 1e-5, 3e-3
"""The ladder's tolerance for float32, and what float16 keeps of a number near 1."""


@pytest.mark.parametrize("path", USERS, ids=lambda path: path.rpartition(":")[2])
def test_a_users_model_comes_in_equal(bring, path: str) -> None:
    original = bring(path)
    found = original.translation
    check(found.model, found.weights)
    assert to_json(from_json(to_json(found.model))) == to_json(found.model)
    given = brought.rows(found)
    theirs = original.forward(given)
    for backend in (torch("torch"), ReferenceBackend()):
        ours = backend.build(found.model, found.weights, "float64").forward(given).outputs
        for output, values in theirs.items():
            far = brought.deviation(values, ours[output])
            assert far <= (HALF if "half_precision" in path else SINGLE), (backend.name, output)


def test_the_oracle_finds_a_transposed_kernel(bring) -> None:
    original = bring(f"{FILE}:flattened_map_into_dense")
    wrong = dict(original.translation.weights)
    wrong["conv.weight"] = wrong["conv.weight"].swapaxes(2, 3)
    moved = Translation(original.translation.model, wrong)
    with pytest.raises(brought.ConversionError, match=r"not the model's own \(they differ by"):
        brought.hold(moved, original.forward)


def test_the_oracle_finds_gates_in_keras_order(bring) -> None:
    original = bring(f"{READERS}:translator")
    wrong = dict(original.translation.weights)
    r, z, n = np.split(wrong["more.weight_ih_l0"], 3)
    wrong["more.weight_ih_l0"] = np.concatenate((z, r, n))
    with pytest.raises(brought.ConversionError, match=r"not the model's own \(they differ by"):
        brought.hold(Translation(original.translation.model, wrong), original.forward)


def test_a_flattened_map_is_stored_channels_first(bring) -> None:
    """The rule of `spec.layout`: the file loads into the natural PyTorch module."""
    found = bring(f"{FILE}:flattened_map_into_dense").translation
    plain = bring(f"{FILE}:flattened_and_returned").translation
    (dense,) = (leaf for leaf in found.model.leaves if isinstance(leaf.layer, L.Dense))
    rows = brought.rows(plain)
    maps = torch("torch").build(plain.model, plain.weights, "float64").forward(rows).outputs
    shape = next(leaf.in_shapes[0] for leaf in found.model.leaves if leaf.path == "flat")
    first = np.moveaxis(maps["output"].reshape(-1, *shape), -1, 1).reshape(len(rows["input"]), -1)
    weight, bias = (found.weights[f"{dense.path}.{kind}"] for kind in ("weight", "bias"))
    net = torch("torch").build(found.model, found.weights, "float64")
    tapped = net.forward(rows, taps=[dense.path]).taps[dense.path]
    np.testing.assert_allclose(tapped, first @ weight.T + bias, rtol=1e-6, atol=1e-6)


def test_names_become_paths(bring) -> None:
    model = bring(f"{FILE}:odd_names").translation.model
    assert [key for key in model.parameters if key.endswith("weight")] == [
        "block1_conv_1_2.weight", "block1_conv_1.weight", "_2nd.weight", "class_.weight",
        "train_.weight", "dense_5__.weight",
    ]  # fmt: skip


def test_models_inside_are_blocks_and_shared(bring) -> None:
    model = bring(f"{FILE}:nested_in_functional").translation.model
    assert list(model.parameters) == [
        "block.in_ner.weight", "block.in_ner.bias", "two.left.weight", "two.left.bias",
    ]  # fmt: skip
    assert [call.layer for call in model.graph.calls][:4] == ["block"] * 2 + ["two"] * 2
    inside = bring(f"{FILE}:nested_in_sequential").translation.model
    assert "head.deep.conv.weight" in inside.parameters


def test_a_separable_convolution_is_two_layers(bring) -> None:
    model = bring(f"{FILE}:separable").translation.model
    kinds = {leaf.path: type(leaf.layer) for leaf in model.leaves}
    assert kinds["one_depthwise"] is L.DepthwiseConv2D
    assert kinds["one_pointwise"] is L.Conv2D


def test_ports_keep_their_names(bring) -> None:
    several = bring(f"{FILE}:several_ports").translation.model
    assert [port.name for port in several.inputs] == ["image", "tab_ular"]
    assert [name for name, _ in several.outputs] == ["label", "size"]
    named = bring(f"{FILE}:named_ports").translation.model
    assert [name for name, _ in named.outputs] == ["first", "second"]
