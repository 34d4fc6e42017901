"""Weights for the ejected source: a clean process with the framework alone gives our outputs."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from trimaran import zoo
from trimaran.errors import RecipeError
from trimaran.steps.description import trained
from trimaran.steps.implementation import implementation, source
from trimaran.steps.weightfiles import write_weights
from trimaran.weights import draw

KERAS = """
import numpy as np, net
model = net.build()
model.load_weights("net.weights.h5")
np.save("outputs.npy", model.predict(np.load("rows.npy"), verbose=0))
"""
TORCH = """
import numpy as np, torch, safetensors.torch, net
model = net.build().eval()
model.load_state_dict(safetensors.torch.load_file("net.safetensors"))
rows = torch.from_numpy(np.load("rows.npy")).permute(0, 3, 1, 2)
np.save("outputs.npy", model(rows).detach().numpy())
"""


def loaded(folder, to, weights, model):
    """What the source answers with the file's weights, in a process of its own."""
    text = source(model, to)
    (folder / "net.py").write_text(text)
    file = folder / ("net.weights.h5" if to == "keras" else "net.safetensors")
    write_weights(file, model, text, weights, to)
    assert sorted(p.name for p in folder.iterdir()) == sorted(["net.py", "rows.npy", file.name])
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(folder)}
    code = KERAS if to == "keras" else TORCH
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, check=True)
    return np.load(folder / "outputs.npy")


@pytest.mark.parametrize("to", ["torch", "keras"])
def test_the_source_with_its_file_gives_our_outputs(to, tmp_path):
    if to == "keras" and (find_spec("keras") is None or find_spec("jax") is None):
        pytest.skip('keras or jax is not installed: pip install "trimaran[keras]"')
    model = zoo.build("resnet18", (8, 8, 3), 3)
    weights = draw(model, 3)
    weights |= {k: v + 0.1 for k, v in weights.items() if k.endswith(("bias", "running_mean"))}
    rows = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    found = loaded(tmp_path, to, weights, model)
    other = {**weights, "layer1.0.conv1.weight": weights["layer1.0.conv2.weight"]}
    ours, others = (
        implementation("torch").network(model, w).forward({model.inputs[0].name: rows}).outputs
        for w in (weights, other)
    )
    name = model.outputs[0][0]
    np.testing.assert_allclose(found, ours[name], atol=1e-5)
    assert np.abs(found - others[name]).max() > 1e-4  # another kernel would have shown


def test_a_file_of_another_kind_is_refused(tmp_path):
    model = zoo.build("xor-mlp")
    with pytest.raises(RecipeError, match=r"\*\.weights\.h5"):
        write_weights(tmp_path / "net.safetensors", model, "", draw(model, 0), "keras")


def test_a_description_has_no_weights():
    with pytest.raises(RecipeError, match="name a run"):
        trained("mnist-cnn")
