"""The ladder on Keras: models of the zoo, what fuzzing found, the page, the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from trimaran import zoo
from trimaran.backends.keras import process
from trimaran.cli import main
from trimaran.comparison.ladder import idle
from trimaran.report.parity import render
from trimaran.spec import Input, Model, from_json, functional
from trimaran.spec import layers as L
from trimaran.spec.transformer import TransformerDecoderBlock, TransformerEncoderBlock
from trimaran.steps.parity import Climb, Subject, ladder, problems, side, small, subject, summary
from trimaran.training.optimizers import OPTIMIZERS

REGRESSIONS = sorted((Path(__file__).parent / "regressions").glob("*.json"))
LARGE = (
    "vgg16",
    "resnet18",
    "alexnet",
    "alexnet-2012",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "chargpt",
)
"""Hundreds of megabytes of states in float64, or six blocks of the layers that `transformer` has
below: the command climbs them, the suite does not."""


@pytest.fixture(params=["tensorflow", "jax"])
def framework(request: pytest.FixtureRequest) -> str:
    """Each framework in turn, where it is installed."""
    name: str = request.param
    if find_spec("keras") is None or find_spec(name) is None:
        pytest.skip(f'{name} is not installed: pip install "trimaran[keras]"')
    return name


def climbed(given: Subject, climb: Climb) -> None:
    """Every rung of every pair holds."""
    rungs = [rung for _, rung in ladder(given, climb)]
    assert {rung.name for rung in rungs} >= {"init", "free run", "evaluation"}
    broken = [rung for rung in rungs if not rung.ok]
    assert not broken, broken[0]


@pytest.mark.parametrize("name", [name for name in zoo.ZOO if name not in LARGE])
def test_the_zoo_is_the_same_network(framework: str, name: str) -> None:
    climbed(Subject(small(name)), Climb(("torch", framework), 3, ("adam",), ("float64",), 4))


def biased_before_normalization() -> Model:
    """Convolutions with a bias that the next layer takes away again, as torchvision's VGGs have."""
    x = y = Input((8, 8, 3))
    for filters in (8, 16):
        y = L.Conv2D(filters, 3, padding=1)(y)
        y = L.MaxPooling2D(2)(L.Activation("relu")(L.BatchNormalization()(y)))
    return functional(x, L.Dense(3)(L.Flatten()(y)), "vgg-like")


def test_a_bias_that_nothing_depends_on_tears_no_free_run(framework: str) -> None:
    """Its gradient is rounding, which Adam turns into whole steps; it says nothing."""
    climb = Climb(("torch", framework), 6, ("adam",), ("float32", "float64"), 8)
    found = [rung for _, rung in ladder(Subject(biased_before_normalization()), climb)]
    free = [rung for rung in found if rung.name == "free run"]
    assert len(free) == 2 and all(rung.ok for rung in found)
    assert all(rung.deviation < 1e-3 * 6 for rung in free)  # six steps of Adam would be 6e-3


def test_what_the_loss_depends_on_is_judged() -> None:
    model = biased_before_normalization()
    given = next(problems(Subject(model), Climb(("torch", "jax"), 2)))
    torn = replace(given, idle=idle(given, side("torch")))
    assert torn.idle == {"conv1.bias", "conv2.bias"}
    assert {*torn.judged(given.weights)} == {
        k for k, p in model.parameters.items() if p.trainable
    } - torn.idle
    assert {*given.judged(given.weights)} == {*given.weights}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_holds_with_clipping_and_a_schedule(framework: str, name: str) -> None:
    settings = {
        "clip_norm": 0.5, "clip_value": 0.05, "ema": 0.9, "schedule": {"name": "cosine"},
    }  # fmt: skip
    climb = Climb(("torch", framework), 12, (name,), ("float64",), 8, settings=settings)
    climbed(Subject(small("mlp")), climb)


def characters() -> Model:
    """The next character after each one."""
    text = Input((5,), name="text", dtype="int32")
    x = L.LSTM(4, return_sequences=True)(L.Embedding(7, 3)(text))
    return functional(text, L.Dense(7, activation="softmax")(L.Dropout(0.5)(x)), "characters")


def translator() -> Model:
    """An encoder whose last state a decoder begins from, in layers whose second bias is trained."""
    source = Input((4,), name="source", dtype="int32")
    target = Input((3,), name="target", dtype="int32")
    _, state = L.GRU(4, return_state=True)(L.Embedding(6, 3)(source))
    x = L.GRU(4, return_sequences=True)(L.Embedding(5, 2)(target), initial_state=state)
    return functional([source, target], L.Dense(5, activation="softmax")(x), "translator")


def series() -> Model:
    """Numbers over time behind a convolution, begun from a given state, which is given again."""
    x, h = Input((8, 2), name="x"), Input((4,), name="h")
    y = L.SimpleRNN(4, return_sequences=True)(L.Conv1D(3, 3, strides=2)(x), initial_state=h)
    last, state = L.SimpleRNN(3, nonlinearity="relu", return_state=True)(y)
    return functional([x, h], {"value": L.Dense(1)(last), "h": state}, "series")


def reviews() -> Model:
    """Padded sentences: a convolution, both ways over time, states, two poolings."""
    text = Input((6,), name="text", dtype="int32")
    x = L.Embedding(7, 3, mask_zero=True)(text)
    x = L.Conv1D(3, 3, padding="same", activation="tanh")(L.LayerNormalization()(x))
    x = L.Bidirectional(L.GRU(2, return_sequences=True))(L.Dropout(0.5)(x))
    last, h, c = L.LSTM(2, return_state=True)(x)
    parts = [L.GlobalMaxPooling1D()(x), L.GlobalAveragePooling1D()(x), last, h, c]
    return functional(text, L.Dense(1, activation="sigmoid")(L.Concatenate()(parts)), "reviews")


def answers() -> Model:
    """A decoder of padded questions that sees padded texts, and texts that see the questions."""
    text = Input((6,), name="text", dtype="int32")
    asked = Input((5,), name="asked", dtype="int32")
    x = L.PositionEmbedding(6)(L.Embedding(7, 4, mask_zero=True)(text))
    x = TransformerEncoderBlock(2, 5, attention_dropout=0.25)(x)
    y = L.SinePositionEncoding()(L.Embedding(7, 4, mask_zero=True)(asked))
    y = TransformerDecoderBlock(2, 5, attention_dropout=0.5)(y, x)
    back = L.MultiHeadAttention(1, 3)(L.Conv1D(4, 2, padding="same")(x), y)
    parts = [L.GlobalAveragePooling1D()(y), L.GlobalMaxPooling1D()(back)]
    y = L.Dense(2, activation="softmax")(L.Concatenate()(parts))
    return functional([text, asked], y, "answers")


def transformer() -> Model:
    """Encoder and decoder, with both kinds of positions and dropout."""
    source = Input((None,), name="source", dtype="int32")
    target = Input((None,), name="target", dtype="int32")
    x = L.SinePositionEncoding()(L.Embedding(6, 4)(source))
    memory = TransformerEncoderBlock(2, 8, 0.25)(x)
    y = L.PositionEmbedding(9)(L.Embedding(5, 4)(target))
    y = TransformerDecoderBlock(2, 8, 0.25, "gelu", "last")(y, memory)
    y = TransformerDecoderBlock(2, 8, rotary=True)(y)
    return functional([source, target], L.Dense(5, activation="softmax")(y), "transformer")


SEQUENCES = [
    (characters, "adam"), (translator, "muon"), (series, "sgd"), (transformer, "muon"),
    (reviews, "adam"), (answers, "adam"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "optimizer"), SEQUENCES)
def test_sequences_are_the_same_network(
    framework: str, make: Callable[[], Model], optimizer: str
) -> None:
    """Muon takes a matrix for a matrix, and the two biases of a GRU are no such thing, though they
    lie in one array in Keras."""
    climbed(Subject(make()), Climb(("torch", framework), 3, (optimizer,), ("float64",), 4))


def test_bytes_of_pictures_are_rescaled_alike(framework: str) -> None:
    """Plain numbers before a normalization and behind it."""
    x = Input((8, 8, 3), name="x")
    y = L.BatchNormalization()(L.Conv2D(4, 3, use_bias=False)(2 * (x / 255) - 1))
    y = L.Dense(3)(L.Flatten()(1 - L.ReLU()(y)))
    climb = Climb(("torch", framework), 10, ("adam",), ("float64",), 8)
    climbed(Subject(functional(x, y, "pictures")), climb)


def test_float32_holds_too(framework: str) -> None:
    climbed(Subject(small("lenet5")), Climb(("torch", framework), 10, ("adam",), ("float32",), 8))


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_what_fuzzing_found_stays_mended(framework: str, path: Path) -> None:
    model = from_json(json.loads(path.read_text()))
    climbed(Subject(model), Climb(("torch", framework), 2, ("muon", "lion"), ("float64",), 4))


def test_networks_and_engines_share_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever number of threads a process would take unasked."""
    if find_spec("keras") is None or find_spec("jax") is None:
        pytest.skip('keras or jax is not installed: pip install "trimaran[keras]"')
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    process.close_all()
    climbed(Subject(small("perceptron")), Climb(("torch", "jax"), 1, ("sgd",), ("float32",), 2))
    assert [worker.started for worker in process._workers] == [("float32", 1)]


def test_a_run_climbs_with_its_weights_and_rows(framework: str, digits_run: Path) -> None:
    found = subject(str(digits_run))
    assert found.weights is not None and found.rows is not None
    climbed(found, Climb(("torch", framework), 3, ("adam",), ("float32",), 16))


def test_the_command_answers_in_json_and_writes_its_page(
    framework: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    page.write_text("an earlier one")
    words = ["parity", "perceptron", "--backends", f"torch,{framework}", "--steps", "5"]
    assert main([*words, "--precision", "float64", "--json", "-o", str(page)]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["ok"] and {"name", "backends", "precision", "tolerance", "deviation", "ok",
                            "first_layer"} <= set(value["rungs"][0])  # fmt: skip
    assert value["written_over"] == [str(page)]
    assert value["rungs"][-1]["backends"][1] == "reference"
    assert "does not train" in value["rungs"][-1]["note"]
    text = page.read_text()
    assert "every rung held" in text and text.count("<svg") == 3


def test_a_broken_rung_is_the_verdict() -> None:
    found = Subject(small("perceptron"))
    rung = {
        "name": "forward", "backends": ["torch", "jax"], "precision": "float64", "ok": False,
        "first_layer": "dense1", "optimizer": "adam", "curve": [], "losses": [], "note": "",
        "deviation": 0.5, "tolerance": 1e-9,
    }  # fmt: skip
    value = summary(found, Climb(), [rung])
    assert not value["ok"] and "jax departs from torch" in value["verdict"]
    assert "not the same" in render(value)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--backends", "torch"], "two backends"),
        (["--backends", "torch,mxnet"], "no backend 'mxnet'"),
        (["--steps", "0"], "at least 1"),
        (["--optimizer", "adm"], "'adam'"),
    ],
)
def test_bad_words_are_refused(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity", "perceptron", *words]) == 2
    assert why in capsys.readouterr().err
