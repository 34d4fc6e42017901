"""The ejected files of the zoo, in a process that has never heard of Trimaran: each style gives
the outputs of the ejected PyTorch with the same weights, and can be saved and loaded."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.plain_keras import UNDRAWN

from trimaran import zoo
from trimaran.backends.keras.styles import STYLES, is_chain
from trimaran.backends.keras.weights import pairs, silent, to_keras
from trimaran.comparison.problem import invented
from trimaran.emit.loading import load
from trimaran.spec import Model
from trimaran.steps.implementation import source
from trimaran.steps.parity import small
from trimaran.weights import draw

HEAVY = ("vgg16", "alexnet", "alexnet-2012", "resnet34", "resnet50", "resnet101", "resnet152")
"""As deep as others and larger: their files are read here, but not run."""

CODE = (
    UNDRAWN
    + """
import importlib.util, json, os, re, sys
import keras, numpy as np
folder = sys.argv[1]
found = {}
for file in sorted(os.listdir(folder)):
    if not file.endswith(".py") or file.rpartition("_")[0] in sys.argv[2:]:
        continue
    spec = importlib.util.spec_from_file_location(file[:-3].replace("-", "_"), f"{folder}/{file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.build()
    given = np.load(f"{folder}/{file[:-3].rpartition('_')[0]}.npz")
    own = [v for v in network.weights if v.name != "seed_generator_state"]
    names = [v.path.removeprefix(network.name + "/").replace("/", ".") for v in own]
    names = [re.sub("[.][a-z]+_cell[.]", ".", name) for name in names]
    for variable, name in zip(own, names):
        variable.assign(given[name])
    made = np.asarray(network(given["input"]))
    network.save(f"{folder}/saved.keras")
    again = np.asarray(keras.saving.load_model(f"{folder}/saved.keras")(given["input"]))
    apart = float(np.abs(made - given["output"]).max() / np.abs(given["output"]).max())
    unset = sorted(set(given.files) - {"input", "output"} - set(names))
    found[file] = [apart, float(np.abs(again - made).max()), unset]
assert not {"trimaran", "torch"} & set(sys.modules)
print(json.dumps(found))
"""
)


def styles(model: Model) -> list[str]:
    return [style for style in STYLES if style != "sequential" or is_chain(model)]


def weights(model: Model) -> dict[str, np.ndarray]:
    """As drawn, but with statistics, scales and biases that are not just zeros and ones. (Small
    scales, since with larger ones a deep network's softmax says 1 whatever is wrong below.)"""
    rng = np.random.default_rng(1)
    found = draw(model, 0)
    still = silent(model)
    for key, values in found.items():
        if key in still:
            continue
        if key.endswith(("running_mean", "bias")):
            found[key] = rng.normal(0, 0.1, values.shape).astype(np.float32)
        elif key.endswith("running_var"):
            found[key] = rng.uniform(0.5, 1.5, values.shape).astype(np.float32)
        elif values.ndim == 1 and values.dtype.kind == "f":
            found[key] = rng.uniform(0.1, 0.3, values.shape).astype(np.float32)
    return found


def answer(model: Model, given: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """What the ejected PyTorch gives."""
    network = load(source(model, "torch")).build()
    network.load_state_dict({key: torch.tensor(values) for key, values in given.items()})
    inputs = torch.tensor(rows)
    with torch.no_grad():
        made: torch.Tensor = network.eval()(inputs.movedim(-1, 1) if inputs.ndim == 4 else inputs)
    return made.numpy()


@pytest.fixture(scope="module")
def ejected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every file beside its weights, rows and wanted outputs."""
    folder = tmp_path_factory.mktemp("ejected")
    for name in (name for name in zoo.ZOO if name not in HEAVY):
        model = small(name)
        rows = invented(model, 2)[0].floats()
        given = weights(model)
        wanted = answer(model, given, rows)
        assert wanted.max() < 0.99 or not model.heads, name
        arrays = {k.replace("/", "."): v for k, v in to_keras(pairs(model), given).items()}
        np.savez(folder / f"{name}.npz", input=rows, output=wanted, **arrays)
        for style in styles(model):
            (folder / f"{name}_{style}.py").write_text(source(model, "keras", style))
    return folder


def test_they_give_what_pytorch_gives_and_can_be_saved(framework: str, ejected: Path) -> None:
    # JAX compiles each operation of each shape where a network is called as it is, not traced:
    # three quarters of a minute for these blocks.
    skipped = ["resnet18"] if framework == "jax" else []
    made = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", CODE, str(ejected), *skipped],
        capture_output=True,
        text=True,
        env={
            "KERAS_BACKEND": framework,
            "PATH": "",
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "XLA_FLAGS": os.environ["XLA_FLAGS"],
        },
    )
    assert made.returncode == 0, made.stderr
    found: dict[str, Any] = json.loads(made.stdout.splitlines()[-1])
    assert {"lenet5_sequential.py", "mnist-cnn_functional.py", "cifar10-cnn_subclass.py"} <= {
        *found
    }
    assert skipped or {"resnet18_functional.py", "resnet18_subclass.py"} <= {*found}
    for file, (apart, reloaded, unset) in found.items():
        assert apart < 1e-5 and reloaded < 1e-6 and not unset, file


def test_each_is_clean_names_its_layers_and_imports_keras_alone(tmp_path: Path) -> None:
    for name in zoo.ZOO:
        for style in styles(small(name)):
            text = source(small(name), "keras", style)
            (tmp_path / f"{name.replace('-', '_')}_{style}.py").write_text(text)
            tree = ast.parse(text)
            assert imported(tree) == {"keras"} and not unnamed(tree), (name, style)
    ruff = [sys.executable, "-m", "ruff"]
    rules = ["check", "--select", "E,F,I,UP,B,C4,SIM,PIE,RET"]
    for words in (rules, ["format", "--check"]):
        command = [*ruff, *words, "--isolated", "--line-length", "100", str(tmp_path)]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def imported(tree: ast.AST) -> set[str]:
    """The packages that a file imports."""
    plain = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    of = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in plain | of}


def unnamed(tree: ast.AST) -> list[int]:
    """The lines that make a layer without a name."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [c for c in calls if re.fullmatch(r"layers\.\w+|keras\.Input", ast.unparse(c.func))]
    return [call.lineno for call in made if "name" not in {k.arg for k in call.keywords}]


def test_a_layer_without_a_name_is_seen() -> None:
    assert unnamed(ast.parse("layers.Dense(3)(x)\nlayers.Dense(3, name='a')")) == [1]
