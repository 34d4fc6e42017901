"""The description as JSON: exact round trips, and a digest that sees every change."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimaran import spec, zoo
from trimaran.errors import DescriptionError
from trimaran.spec import digest, from_json, to_json
from trimaran.spec.initializers import (
    Constant,
    Gates,
    Normal,
    Orthogonal,
    Uniform,
    VarianceScaling,
)
from trimaran.spec.layers import GRU, LAYERS, LSTM, Activation, Conv2D, Dense, Embedding


def through_text(model: spec.Model) -> spec.Model:
    return from_json(json.loads(json.dumps(to_json(model))))


@pytest.mark.parametrize("name", zoo.ZOO)
def test_every_zoo_entry_returns_whole(name: str) -> None:
    model = zoo.build(name)
    again = through_text(model)
    assert again == model
    assert json.dumps(to_json(again)) == json.dumps(to_json(model))
    assert again.leaves == model.leaves and again.parameters == model.parameters


@given(st.integers(0, 10_000))
def test_random_models_return_whole(random_model: Callable[[int], spec.Model], seed: int) -> None:
    model = random_model(seed)
    again = through_text(model)
    assert again == model and digest(again) == digest(model)
    assert again.parameters == model.parameters


@pytest.mark.parametrize(
    "start",
    [
        Constant(0.5), Normal(0.02, True), Uniform(0.1), VarianceScaling(2.0, "fan_in", "uniform"),
        Orthogonal(1.5),
    ],
)  # fmt: skip
def test_initializers_return_whole(start: Any) -> None:
    model = spec.sequential([Dense(2, kernel_initializer=start)], (3,))
    assert through_text(model) == model
    assert through_text(model).parameters["dense1.weight"].initial == start


def translator(passed: bool = True, **changes: Any) -> spec.Model:
    """An encoder whose last states a decoder begins from, and gives again."""
    words = spec.Input((5,), name="words", dtype="int32")
    x = Embedding(9, 4)(words)
    _, *states = LSTM(3, return_state=True, name="encoder")(x)
    settings = {"return_sequences": True, "return_state": True, **changes}
    decoder = LSTM(3, name="decoder", **settings)
    y, *last = decoder(x, initial_state=states if passed else states[::-1])
    return spec.functional(words, {"next": Dense(9, activation="softmax")(y), "cell": last[1]})


def test_states_and_whole_numbers_return_whole() -> None:
    model = translator()
    again = through_text(model)
    assert again == model and again.leaves == model.leaves
    assert again.parameters == model.parameters
    assert again.inputs[0].dtype == "int32"
    encoder, decoder = (leaf for leaf in again.leaves if leaf.path.endswith("coder"))
    assert decoder.inputs[1:] == (encoder.output + 1, encoder.output + 2)
    assert again.parameters["encoder.bias_ih_l0"].initial == Gates((0.0, 1.0, 0.0, 0.0))
    assert not again.parameters["encoder.bias_hh_l0"].trainable


def test_the_digest_sees_states_and_kinds_of_numbers() -> None:
    x, h = spec.Input((5, 3)), spec.Input((3,))
    models = [
        translator(),
        translator(passed=False),
        translator(unit_forget_bias=False),
        spec.functional([x, h], GRU(3)(x, initial_state=h)),
        spec.functional([x, h], GRU(3, return_sequences=True)(x, initial_state=h)),
        spec.functional([x], GRU(3)(x)),
    ]
    assert len({digest(model) for model in models}) == len(models)


def test_the_digest_is_of_the_content_alone() -> None:
    layers: list[spec.Layer] = [Dense(3, activation="relu")]
    assert digest(spec.sequential(layers, (4,))) == digest(spec.sequential([*layers], (4,)))


BASE = [Conv2D(4, 3, activation="relu"), LAYERS["Flatten"](), Dense(3)]
CHANGES: dict[str, Any] = {
    "filters": [Conv2D(5, 3, activation="relu"), *BASE[1:]],
    "bias": [Conv2D(4, 3, activation="relu", use_bias=False), *BASE[1:]],
    "activation": [Conv2D(4, 3, activation="tanh"), *BASE[1:]],
    "initializer": [Conv2D(4, 3, activation="relu", kernel_initializer="zeros"), *BASE[1:]],
    "name": [Conv2D(4, 3, activation="relu", name="first"), *BASE[1:]],
    "order": [Activation("relu"), *BASE],
    "slope": [*BASE, Activation("elu", 0.5)],
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_digest_sees_each_change(change: str) -> None:
    base = spec.sequential(BASE, (9, 9, 1))
    changed = spec.sequential(CHANGES[change], (9, 9, 1))
    assert digest(base) != digest(changed)


def test_the_digest_sees_the_input_and_the_wiring() -> None:
    x = spec.Input((4,))
    a, b = Dense(4), Dense(4)
    models = [
        spec.functional(x, a(b(x))),
        spec.functional(x, a(a(x))),  # shared
        spec.functional(x, a(x)),
        spec.functional(x, a(x), "other"),
        spec.sequential([Dense(4)], (5,)),
        spec.functional({"left": x}, a(x)),
    ]
    assert len({digest(model) for model in models}) == len(models)


def test_a_changed_file_is_refused() -> None:
    data = to_json(spec.sequential([Dense(3)], (4,)))
    data["graph"]["layers"][0][1]["units"] = 4
    with pytest.raises(DescriptionError, match=r"^run/model\.json was changed after it was writ"):
        from_json(data, "run/model.json")


@pytest.mark.parametrize("data", [None, [], {}, {"format": "onnx"}, "trimaran-model"])
def test_other_files_are_refused(data: Any) -> None:
    with pytest.raises(DescriptionError, match=r"model\.json does not hold a Trimaran model"):
        from_json(data)


def test_another_version_is_refused() -> None:
    data = to_json(spec.sequential([Dense(3)], (4,)))
    with pytest.raises(DescriptionError, match="has version 99, and this Trimaran reads 1"):
        from_json({**data, "version": 99})


def signed(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A file whose digest is right, as a newer Trimaran would write it."""
    data = to_json(spec.sequential([Dense(3)], (4,)))
    body = {"name": data["name"], "graph": data["graph"]}
    change(body["graph"]["layers"][0][1])
    return {**data, **body, "digest": spec.codec._digest(body)}


def test_layers_and_arguments_of_the_future_are_refused() -> None:
    with pytest.raises(DescriptionError, match=r"dense1: layer 'Mamba' is unknown to this Tri"):
        from_json(signed(lambda layer: layer.update(layer="Mamba")))
    with pytest.raises(DescriptionError, match=r"dense1 \(Dense\): .*'sparsity'"):
        from_json(signed(lambda layer: layer.update(sparsity=0.5)))
    with pytest.raises(DescriptionError, match="units of 1 or more"):
        from_json(signed(lambda layer: layer.update(units=0)))


def test_an_input_of_another_dtype_is_refused() -> None:
    data = to_json(spec.sequential([Dense(3)], (4,)))
    body = {"name": data["name"], "graph": data["graph"]}
    body["graph"]["inputs"][0]["dtype"] = "text"
    told = "input: expected the dtype float32 of features or int32 of tokens, got 'text'"
    with pytest.raises(DescriptionError, match=told):
        from_json({**data, **body, "digest": spec.codec._digest(body)})


def test_a_model_made_by_hand_is_held_to_the_rules_too() -> None:
    model = spec.sequential([Dense(3)], (4,))
    graph = replace(model.graph, layers=(("dense1", Dense(0)),))
    with pytest.raises(DescriptionError, match=r"^dense1 \(Dense\): expected units of 1 or more"):
        from_json(to_json(spec.Model("broken", graph)))
