"""Writing with a language model: how tokens are drawn, that states are carried, what is refused."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from trimaran.cli import main
from trimaran.errors import DataError, RecipeError
from trimaran.files import write_json
from trimaran.handle import Run
from trimaran.python import train
from trimaran.spec import Input, to_json
from trimaran.spec import functional as described
from trimaran.spec import layers as L
from trimaran.steps import generation
from trimaran.steps.generation import Sampling, Writer, draw
from trimaran.steps.implementation import implementation
from trimaran.weights import draw as draw_weights
from trimaran.weights import save

TEXT = "the cat sat on the mat and the rat sat on the cat; " * 60


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A tiny model that knows a tiny text."""
    folder = tmp_path_factory.mktemp("language")
    (folder / "cats.txt").write_text(TEXT)
    optimizer = {"name": "adam", "learning_rate": 0.01}
    return train(
        {"data": {"path": str(folder / "cats.txt"), "length": 16}, "model": "charlstm"},
        training={"epochs": 3, "batch_size": 16, "threads": 1, "optimizer": optimizer},
        out=folder / "run",
        progress=False,
    )  # fmt: skip


def test_it_learned_and_its_scores_say_so(run: Run):
    scores = run.scores["test"]
    assert scores["bits_per_character"]["value"] < 3.0  # 17 characters: 4.1 bits for a guess
    assert scores["bits_per_character"]["low"] < scores["bits_per_character"]["high"]
    assert "What it writes" in run.report.read_text()


def test_a_prompt_is_read_as_the_whole_sequence_is(run: Run):
    """The states that are carried stand for all that was read: no step is computed twice."""
    writer = Writer(run)
    tokens = writer.tokenizer.encode("the cat sat on")
    whole = implementation("torch").network(run.model, run.weights)
    wanted = whole.forward({"input": tokens[None]}).outputs["output"][0, -1]
    assert np.abs(writer.read(tokens.tolist()) - wanted).max() <= 1e-5


def test_the_same_seed_gives_the_same_text(run: Run):
    def text(seed: int) -> str:
        return run.generate("the", 40, temperature=1.5, seed=seed)

    assert text(1) == text(1) != text(2)


def test_the_command_streams_and_answers_in_json(run: Run, capsys: pytest.CaptureFixture[str]):
    words = ["generate", str(run.path), "--prompt", "the c", "--length", "12", "--temperature", "0"]
    assert main(words) == 0
    plain = capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert plain == value["prompt"] + value["text"] + "\n"
    assert len(value["text"]) == 12


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--prompt", "Zat"], "holds 'Z', which the training text never does; leave it out"),
        (
            ["--prompt", "the nüï müß"],
            "holds 'ü', 'ï', 'ß', which the training text never does; le",
        ),
        (["--length", "-5"], "length is -5"),
        (["--prompt", ""], "The prompt is empty"),
        (["--temperature", "-1"], "temperature is -1.0; it must be 0 or more"),
        (["--top-k", "0"], "top-k is 0"),
        (["--top-p", "1.5"], "top-p is 1.5"),
        (["--length", "0"], "length is 0"),
        (["--seed", "-1"], "seed: expected a whole number from 0 to"),
    ],
)
def test_bad_requests_are_told(
    run: Run, capsys: pytest.CaptureFixture[str], words: list[str], told: str
):
    assert main(["generate", str(run.path), "--prompt", "the", *words]) == 2
    said = capsys.readouterr()
    assert told in said.err and said.out == ""


def test_other_runs_do_not_write(tmp_path: Path):
    other = train("iris-mlp", training={"epochs": 1}, out=tmp_path / "iris", progress=False)
    with pytest.raises(RecipeError, match="learned no language"):
        Writer(other)


CHANCES = np.array([0.9, 0.05, 0.03, 0.02])


def drawn(sampling: Sampling, chances: np.ndarray = CHANCES) -> Counter[int]:
    rng = np.random.default_rng(0)
    return Counter(draw(chances, sampling, rng) for _ in range(4000))


def test_the_unknown_token_is_never_written():
    assert set(drawn(Sampling())) == {1, 2, 3}


def test_tokens_are_drawn_by_their_probability():
    found = drawn(Sampling())
    shares = [found[token] / 4000 for token in (1, 2, 3)]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_temperature_sharpens_by_its_power():
    found = drawn(Sampling(0.5))
    powers = np.array([0.5, 0.3, 0.2]) ** 2
    shares = [found[token] / 4000 for token in (1, 2, 3)]
    assert shares == pytest.approx((powers / powers.sum()).tolist(), abs=0.03)


def test_zero_takes_the_likeliest():
    assert drawn(Sampling(0)) == {1: 4000}


def test_only_the_likeliest_few():
    assert set(drawn(Sampling(top_k=2))) == {1, 2}
    assert set(drawn(Sampling(top_p=0.4))) == {1}
    assert set(drawn(Sampling(top_p=0.6))) == {1, 2}
    assert set(drawn(Sampling(top_k=1, top_p=0.9))) == {1}


def test_an_empty_reading_is_refused(run: Run):
    with pytest.raises(DataError, match="prompt is empty"):
        Writer(run).read([])


def test_the_run_scores_other_texts_and_predicts_none(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = tmp_path / "other.txt"
    other.write_text("the rat sat on the mat; " * 30)
    found = run.evaluate(str(other))["data"]["bits_per_character"]["value"]
    assert 0 < found < 4.1
    assert main(["predict", str(run.path), str(other)]) == 2
    assert "learned to continue a text; write with it: trimaran generate" in capsys.readouterr().err
    with pytest.raises(DataError, match="score it on a .txt"):
        run.evaluate((np.zeros((2, 3)), np.zeros(2)))


def test_your_own_text_needs_no_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "cats.txt"
    path.write_text(TEXT)
    words = ["train", "--data", str(path), "--out", str(tmp_path / "run"), "--json"]
    assert main([*words, "training.epochs=1", "data.length=16", "training.threads=1"]) == 0
    told = capsys.readouterr()
    assert "one long text of 3,060 characters, 13 of them different" in told.err
    assert json.loads(told.out)["scores"]["test"]["bits_per_character"]["value"] > 0
    assert "task: language" in (tmp_path / "run" / "recipe.yaml").read_text()


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_every_backend_writes_the_same(run: Run, framework: str):
    if find_spec("keras") is None or find_spec(framework) is None:
        pytest.skip(f'{framework} is not installed: pip install "trimaran[keras]"')
    here = run.generate("the cat", 30, temperature=0)
    there = "".join(Writer(run, framework).write("the cat", 30, Sampling(0)))
    assert there == here


# With attention --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def attentive(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A GPT that met a tiny text."""
    folder = tmp_path_factory.mktemp("attentive")
    (folder / "cats.txt").write_text(TEXT)
    return train(
        {"data": {"path": str(folder / "cats.txt"), "length": 100}, "model": "chargpt"},
        training={"epochs": 8, "batch_size": 4, "threads": 1},
        out=folder / "run",
        progress=False,
    )  # fmt: skip


def without_cache(run: Run, tokens: list[int], length: int, backend: str) -> list[int]:
    """The likeliest tokens, each of them from the whole text so far."""
    network = implementation(backend).network(run.model, run.weights)
    for _ in range(length):
        chances = network.forward({"input": np.array([tokens], np.int32)}).outputs["output"][0, -1]
        tokens = [*tokens, draw(chances, Sampling(temperature=0), np.random.default_rng(0))]
    return tokens


@pytest.mark.parametrize("backend", ["torch", "tensorflow", "jax"])
def test_kept_keys_and_values_write_the_same_text(attentive: Run, backend: str):
    """Beyond the room that there is at first."""
    if backend != "torch" and (find_spec("keras") is None or find_spec(backend) is None):
        pytest.skip(f'{backend} is not installed: pip install "trimaran[keras]"')
    writer, prompt = Writer(attentive, backend), "the cat sat on the mat and the rat"
    length = 60 if backend == "torch" else 34
    text = "".join(writer.write(prompt, length, Sampling(temperature=0)))
    known = writer.tokenizer.encode(prompt).tolist()
    wanted = without_cache(attentive, known, length, "torch")[len(known) :]
    assert writer.tokenizer.encode(text).tolist() == wanted and len(set(wanted)) > 5


BEYOND = 130
"""Tokens, of which attention sees the last hundred at most."""


@pytest.mark.parametrize("backend", ["torch", "tensorflow", "jax"])
def test_beyond_its_context_each_token_takes_the_place_of_the_oldest(
    attentive: Run, backend: str, monkeypatch: pytest.MonkeyPatch
):
    """As the whole text does in which each step of each layer sees the hundred up to it."""
    if backend != "torch" and (find_spec("keras") is None or find_spec(backend) is None):
        pytest.skip(f'{backend} is not installed: pip install "trimaran[keras]"')
    writer = Writer(attentive, backend)
    tokens = writer.tokenizer.encode(TEXT[:BEYOND]).tolist()
    found = [writer.read(tokens[:95]), *(writer.read([token]) for token in tokens[95:])]
    monkeypatch.setattr(functional, "scaled_dot_product_attention", the_last_hundred)
    network = implementation("torch").network(attentive.model, attentive.weights)
    wanted = network.forward({"input": np.array([tokens], np.int32)}).outputs["output"][0, 94:]
    assert np.abs(np.stack(found) - wanted).max() <= 1e-5


def the_last_hundred(q: Tensor, k: Tensor, v: Tensor, *_: object) -> Tensor:
    behind = torch.arange(q.shape[2])[:, None] - torch.arange(k.shape[2])
    scores = q @ k.mT / q.shape[3] ** 0.5
    return scores.masked_fill((behind < 0) | (behind >= 100), -torch.inf).softmax(-1) @ v


def test_places_that_end_go_on_from_their_last_quarter(attentive: Run, tmp_path: Path):
    """Of a model with a table of a hundred."""
    characters = Input((None,), dtype="int32")
    x = L.PositionEmbedding(100)(L.Embedding(14, 6)(characters))
    x = L.MultiHeadAttention(2, use_causal_mask=True)(x)
    model = described(characters, L.Dense(14, activation="softmax")(x))
    shutil.copytree(attentive.path, tmp_path / "run")
    write_json(tmp_path / "run" / "model.json", to_json(model))
    weights = draw_weights(model, 0)
    save(tmp_path / "run" / "model.safetensors", weights)
    writer = Writer(Run(tmp_path / "run"))
    tokens = writer.tokenizer.encode(TEXT[:BEYOND]).tolist()
    network = implementation("torch").network(model, weights)
    assert np.isfinite(writer.read(tokens[:100])).all()
    for end in (101, 130):  # the 101st token stands behind the last 25 of those before
        given = np.array([tokens[75:end]], np.int32)
        wanted = network.forward({"input": given}).outputs["output"][0, -1]
        found = writer.read(tokens[100:end] if end == 101 else tokens[101:end])
        assert np.abs(found - wanted).max() <= 1e-5


def test_very_long_texts_begin_again_from_a_quarter_of_the_context(
    attentive: Run, monkeypatch: pytest.MonkeyPatch
):
    """Before the angles of the places are too large to be told apart."""
    monkeypatch.setattr(generation, "FAR", 110)
    writer, other = Writer(attentive), Writer(attentive)
    tokens = writer.tokenizer.encode(TEXT[:BEYOND]).tolist()
    assert (writer.read(tokens[:111]) == other.read(tokens[85:111])).all()
