"""Weights for the ejected source: a clean process with the framework alone gives our outputs."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from tests.plain_keras import UNDRAWN

from trimaran import zoo
from trimaran.errors import RecipeError
from trimaran.spec import Input, Model, functional
from trimaran.spec.layers import GRU, LSTM, Dense, Embedding
from trimaran.steps.description import trained
from trimaran.steps.implementation import implementation, source
from trimaran.steps.weightfiles import write_weights
from trimaran.weights import draw

KERAS = (
    UNDRAWN
    + """
import importlib, numpy as np
for name, rows in np.load("rows.npz").items():
    model = importlib.import_module(name).build()
    model.load_weights(f"{name}.weights.h5")
    np.save(f"{name}.npy", model.predict(rows, verbose=0))
"""
)
TORCH = """
import importlib, numpy as np, torch, safetensors.torch
for name, rows in np.load("rows.npz").items():
    model = importlib.import_module(name).build().eval()
    model.load_state_dict(safetensors.torch.load_file(f"{name}.safetensors"))
    rows = torch.from_numpy(rows)
    rows = rows.permute(0, 3, 1, 2) if rows.dim() == 4 else rows
    np.save(f"{name}.npy", model(rows).detach().numpy())
"""


def both_ways() -> Model:
    """Two layers that read both ways, and a row that does not learn."""
    words = Input((None,), dtype="int32")
    x = Embedding(9, 4, padding_index=0)(words)
    x = GRU(3, bidirectional=True)(LSTM(5, bidirectional=True, return_sequences=True)(x))
    return functional(words, Dense(2)(x), "both_ways")


MODELS = {
    "resnet": lambda: zoo.build("resnet18", (8, 8, 3), 3),
    "lstm": lambda: zoo.build("charlstm", (6,), 9),
    "gru": lambda: zoo.build("chargru", (6,), 9),
    "cells": lambda: zoo.build("charlstm-cell", (6,), 9),
    "attention": lambda: zoo.build("chargpt", (6,), 9),
    "both_ways": both_ways,
}


def moved(model: Model) -> dict[str, np.ndarray]:
    """Weights of which none is what a network begins with."""
    drawn = draw(model, 3)
    trained = {k for k, p in model.parameters.items() if p.trainable}
    return {k: v + 0.02 if k in trained or "running_mean" in k else v for k, v in drawn.items()}


def loaded(folder: Path, to: str, models: dict[str, Model]) -> dict[str, np.ndarray]:
    """What the sources answer with their files' weights, in a process of its own."""
    ending = "weights.h5" if to == "keras" else "safetensors"
    for name, model in models.items():
        text = source(model, to)
        (folder / f"{name}.py").write_text(text)
        write_weights(folder / f"{name}.{ending}", model, text, moved(model), to)
    wanted = {"rows.npz", *(f"{n}.{end}" for n in models for end in ("py", ending))}
    assert {path.name for path in folder.iterdir()} == wanted
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(folder)}
    code = KERAS if to == "keras" else TORCH
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)
    return {name: np.load(folder / f"{name}.npy") for name in models}


def rows_of(model: Model) -> np.ndarray:
    rng = np.random.default_rng(0)
    if model.inputs[0].dtype == "int32":
        return rng.integers(0, 9, (2, 6)).astype(np.int32)
    return rng.normal(size=(2, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("to", ["torch", "keras"])
def test_the_source_with_its_file_gives_our_outputs(to: str, tmp_path: Path):
    """Also of layers whose arrays lie in parts of theirs: a recurrent layer's in its cell."""
    if to == "keras" and (find_spec("keras") is None or find_spec("jax") is None):
        pytest.skip('keras or jax is not installed: pip install "trimaran[keras]"')
    models = {name: make() for name, make in MODELS.items()}
    rows = {name: rows_of(model) for name, model in models.items()}
    np.savez(tmp_path / "rows.npz", **rows)
    found = loaded(tmp_path, to, models)
    for name, model in models.items():
        ours, begun = (
            implementation("torch").network(model, w).forward({"input": rows[name]}).outputs
            for w in (moved(model), draw(model, 3))
        )
        np.testing.assert_allclose(found[name], ours["output"], atol=1e-5, err_msg=name)
        assert np.abs(found[name] - begun["output"]).max() > 1e-4  # others would have shown


def test_a_file_of_another_kind_is_refused(tmp_path):
    model = zoo.build("xor-mlp")
    with pytest.raises(RecipeError, match=r"\*\.weights\.h5"):
        write_weights(tmp_path / "net.safetensors", model, "", draw(model, 0), "keras")


def test_a_description_has_no_weights():
    with pytest.raises(RecipeError, match="name a run"):
        trained("mnist-cnn")
