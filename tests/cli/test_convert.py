"""`trimaran convert`: files, ladder and page; bad input is one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from trimaran.backends.protocol import Translation
from trimaran.backends.torch.emit import emit
from trimaran.cli import main
from trimaran.spec import Input, from_json, sequential
from trimaran.spec import layers as L
from trimaran.steps import conversion

NETWORKS = '''
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    """Dropout by module and by function, a norm, a view, a softmax on logits of its own."""

    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.drop = nn.Dropout(0.25)
        self.fc = nn.Linear(width * 9, 3)

    def logits(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.conv(x)), inplace=True), 2)
        x = F.dropout(self.drop(x), 0.2, training=self.training)
        return self.fc(x.view(x.size(0), -1))

    def forward(self, x):
        return F.softmax(self.logits(x), dim=1)


class Pair(nn.Module):
    """Two inputs; a series channels-first."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 3, 3)
        self.fc = nn.Linear(3, 2)

    def forward(self, signal, extra):
        return {"sum": self.fc(self.conv(signal).mean(2) + extra), "extra": torch.tanh(extra)}


class Sized(nn.Module):
    def __init__(self, width):
        super().__init__()


class Faulty(nn.Module):
    def forward(self, x):
        return x + self.missing


class Strange(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return torch.fft.fft(self.fc(x)).real


def made():
    return Net(2)


def broken():
    raise RuntimeError("no weights today")


number = 3
ready = made()
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with networks, which is the working folder."""
    (tmp_path / "nets.py").write_text(NETWORKS)
    (tmp_path / "wrong.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "typo.py").write_text("def f(:\n")
    (tmp_path / "many.py").write_text("".join(f"class N{k}: ...\n" for k in range(11)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def needs_keras() -> None:
    for name in ("keras", "tensorflow", "jax"):
        if find_spec(name) is None:
            pytest.skip(f'{name} is not installed: pip install "trimaran[keras]"')


def test_a_network_becomes_keras_and_climbs_against_itself(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    needs_keras()
    words = ["convert", "nets.py:Net", "--input", "1,6,6", "--steps", "3", "--json"]
    assert main([*words, "--precision", "float64"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["ok"] and value["backends"] == ["original", "torch", "tensorflow", "jax"]
    own = [rung for rung in value["rungs"] if rung["backends"] == ["original", "jax"]]
    assert [rung["name"] for rung in own] == [
        "init", "forward", "loss", "gradients", "one update", "updates from shared states",
        "free run", "evaluation",
    ]  # fmt: skip
    text = (here / "net_keras.py").read_text()
    assert "import keras" in text and "torch." not in text.replace("torch.nn.Linear draws", "")
    model = from_json(json.loads((here / "net.json").read_text()))
    assert set(load_file(here / "net.safetensors")) == set(model.parameters)
    assert "every rung held" in (here / "parity-Net.html").read_text()


def test_two_inputs_and_outputs_climb_in_pytorch(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimaran.steps import conversion

    monkeypatch.setattr(conversion, "_installed", lambda name: name == "torch")
    words = ["convert", "nets.py:Pair", "--input", "2,7", "--input", "3", "--to", "torch"]
    assert main([*words, "--steps", "2", "-o", "mine.py"]) == 0
    assert {path.name for path in here.glob("mine*")} >= {
        "mine.py",
        "mine.json",
        "mine.safetensors",
    }
    assert (here / "parity-mine.html").exists() and not (here / "pair.json").exists()
    out = capsys.readouterr().out
    assert "the ladder: original against torch; 2 updates of adam" in out
    assert "every rung held" in out and (here / "mine.py").is_file()


def test_a_fault_in_the_original_breaks_the_ladder(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the description says of another network than the original's is found by the ladder."""
    from trimaran.backends.torch import original
    from trimaran.steps import conversion

    monkeypatch.setattr(conversion, "_installed", lambda name: name == "torch")
    honest = original.adapted

    def faulty(*args: object) -> object:
        made = honest(*args)  # type: ignore[arg-type]
        made.norm.eps = 1e-2
        return made

    monkeypatch.setattr(original, "adapted", faulty)
    words = ["convert", "nets.py:Net", "--input", "1,6,6", "--steps", "2", "--json"]
    assert main([*words, "--precision", "float64"]) == 1
    value = json.loads(capsys.readouterr().out)
    broken = [rung for rung in value["rungs"] if not rung["ok"]]
    assert broken[0]["name"] == "forward" and broken[0]["first_layer"] == "norm"


@pytest.mark.parametrize("what", ["nets.py:made", "nets.py:ready", "nets:ready"])
def test_functions_instances_and_modules_are_taken(
    here: Path, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(here))
    words = ["convert", what, "--input", "1,6,6", "--no-parity", "--style", "functional", "--json"]
    assert main(words) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["parameters"] == 2 * 9 + 2 + 4 + 18 * 3 + 3 and "rungs" not in value


def test_files_bear_the_name_that_was_given_and_tell_what_they_replace(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimaran.steps import conversion

    monkeypatch.setattr(conversion, "_installed", lambda name: name == "torch")
    words = ["--input", "1,6,6", "--to", "torch", "--steps", "1", "--precision", "float64"]
    for name in ("made", "ready", "Net"):
        assert main(["convert", f"nets.py:{name}", *words]) == 0
        assert "written over" not in capsys.readouterr().out
    files = [f"made{end}" for end in ("_torch.py", ".json", ".safetensors")]
    assert all((here / file).is_file() for file in [*files, "ready_torch.py", "net_torch.py"])
    (here / "made.json").unlink()
    assert main(["convert", "nets.py:made", *words]) == 0
    out = capsys.readouterr().out
    assert "written over: made_torch.py; made.safetensors\n" in out
    assert "page: parity-made.html, written over" in out
    assert main(["convert", "nets.py:made", *words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["written_over"] == [*files, "parity-made.html"]
    assert main(["convert", "nets.py:made", *words, "--json", "-o", "new.py"]) == 0
    assert json.loads(capsys.readouterr().out)["written_over"] == []


def test_a_keras_model_without_a_name_is_called_after_its_file() -> None:
    unnamed = sequential([Input((3,)), L.Dense(2)], name="sequential_4")
    found = conversion._named(Translation(unnamed, {}), "a/my-own.keras").model
    assert found.name == "my_own" and "class MyOwn(nn.Module)" in emit(found)
    for name, what in (("mine", "a.keras"), ("sequential", "a.py:build")):
        model = replace(unnamed, name=name)
        assert conversion._named(Translation(model, {}), what).model == model


def test_what_padded_rows_mean_is_told() -> None:
    rows = [Input((6,), dtype="int32"), L.Embedding(9, 4, mask_zero=True), L.LSTM(3)]
    assert "behind their last step" in conversion._padding(sequential(rows))
    rows[1] = L.Embedding(9, 4)
    assert conversion._padding(sequential(rows)) == ""


def test_a_keras_file_gives_its_stem() -> None:
    from trimaran.steps.conversion import base_name

    assert base_name("there/gru ü.keras") == "gru_ü"
    assert base_name("there/nets.py:inst") == base_name("nets:Inst") == "inst"


def test_weights_of_its_own_are_loaded(here: Path) -> None:
    assert main(["convert", "nets.py:Net", "--input", "1,6,6", "--no-parity"]) == 0
    given = load_file(here / "net.safetensors")
    given["fc.bias"][:] = 7.0
    save_file(given, here / "own.safetensors")
    words = ["convert", "nets.py:Net", "--input", "1,6,6", "--no-parity"]
    assert main([*words, "--weights", "own.safetensors"]) == 0
    assert (load_file(here / "net.safetensors")["fc.bias"] == 7.0).all()


BAD = {
    "nowhere.py:Net --input 4": "no such file",
    "nets.py --input 4": "names no network",
    "nets.py:Nat --input 4": "did you mean Net?",
    "many.py:Other --input 4": "it has N0, N1, N2, N3, N4, N5, N6, N7 and 3 more.",
    "nets.py:Sized --input 4": "needs arguments (width)",
    "nets.py:broken --input 4": "RuntimeError: no weights today (nets.py, line",
    "nets.py:number --input 4": "is an int, and no torch.nn.Module",
    "wrong.py:Net --input 4": "No module named 'nothing_of_this_name' (wrong.py, line 1)",
    "typo.py:Net --input 4": "SyntaxError: invalid syntax (typo.py, line 1)",
    "no_such_module:Net --input 4": "No module named 'no_such_module'",
    "model.onnx --input 4": "no model that can be read",
    "nets.py:Net": "--input 3,224,224",
    "nets.py:Net --input big": "expected sizes",
    "nets.py:Net --input 1,0,6": "expected sizes",
    "nets.py:Net --input 2,6,6": "does not take an input of shape (N, 2, 6, 6)",
    "nets.py:Faulty --input 4": "'Faulty' object has no attribute 'missing' (nets.py, line",
    "nets.py:Strange --input 4": "nets.py:",
    "nets.py:Net --input 1,6,6 --weights net.pt": "pickle",
    "nets.py:Net --input 1,6,6 --weights gone.safetensors": "no such file",
    "nets.py:Net --input 1,6,6 --steps 0": "at least 1",
    "nets.py:Net --input 1,6,6 -o nets.py": "the file that is converted",
    "nets.py:Net --input 1,6,6 --to torch --style functional": "one style",
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_one_sentence(
    here: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", *words.split()]) == 2
    error = capsys.readouterr().err
    assert BAD[words] in error and error.count("\n") == 1, error
    assert (here / "nets.py").read_text() == NETWORKS
    assert not (here / "net.json").exists()


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["convert", "--help"])
    assert left.value.code == 0 and "trimaran convert my_model.py:Net" in capsys.readouterr().out
