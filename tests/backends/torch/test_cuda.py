"""The same network, trained on a GPU: beside the CPU, beside itself resumed, and out of memory."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from trimaran import workflow, zoo
from trimaran.backends.torch import memory, passes
from trimaran.backends.torch.build import TorchNetwork, module, move
from trimaran.backends.torch.execution import full_float32, machine
from trimaran.backends.torch.loop import fit
from trimaran.backends.torch.memory import Change, Form, Source
from trimaran.backends.torch.optimizers import Update
from trimaran.backends.torch.setup import set_up
from trimaran.data.augment import Augment
from trimaran.data.batches import Rows
from trimaran.data.order import epoch_order
from trimaran.errors import TrainingError
from trimaran.recipe import load, overrides
from trimaran.spec import Model
from trimaran.tasks.loss import Loss, Objective
from trimaran.training import checkpoint, saving
from trimaran.training.checkpoint import Place
from trimaran.training.engine import Objectives
from trimaran.training.events import Epoch, Event, Saved
from trimaran.training.execution import Execution, resolve
from trimaran.training.optimizers import OPTIMIZERS
from trimaran.training.settings import Training
from trimaran.weights import draw

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="PyTorch finds no CUDA GPU on this machine"
)

OBJECTIVE = Objective(
    {"output": Loss("sparse_categorical_crossentropy")}, {"output": ("accuracy",)}
)
CPU, CUDA = Execution(threads=1), Execution("cuda", threads=1)
REPLAYED = replace(CUDA, replay=True)
Net = Callable[..., nn.Module]
Splits = dict[str, Rows]


@pytest.fixture(autouse=True)
def _all_bits() -> Iterator[None]:
    """Nothing here is rounded to TF32, so that a GPU can be held to the CPU's tolerances."""
    with full_float32():
        yield


def trained(
    network: nn.Module,
    splits: Splits,
    execution: Execution,
    place: Place | None = None,
    **settings: Any,
) -> list[Event]:
    training = Training.from_json({"epochs": 3, "batch_size": 8, **settings})
    return list(fit(network, OBJECTIVE, splits, training, execution, place))


def content(network: nn.Module) -> bytes:
    return save({k: v.cpu().contiguous() for k, v in network.state_dict().items()})


def largest_gap(a: nn.Module, b: nn.Module) -> float:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return float(
        np.max([(p.cpu().double() - q.cpu().double()).abs().max().item() for p, q in pairs])
    )


def test_auto_takes_the_gpu_and_bfloat16_where_it_has_it() -> None:
    found = resolve(Training(), machine())
    bfloat16 = torch.cuda.get_device_capability() >= (8, 0)
    assert found.device == "cuda" and found.replay
    assert found.precision == ("bfloat16" if bfloat16 else "float32")


@pytest.mark.parametrize("execution", [CUDA, REPLAYED], ids=["by call", "replayed"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_float32_training_is_the_cpus(
    plain: Net, weighted: Splits, execution: Execution, accumulate: int
) -> None:
    ours, theirs = plain(), plain()
    here = trained(ours, weighted, execution, accumulate=accumulate)
    there = trained(theirs, weighted, CPU, accumulate=accumulate)
    assert largest_gap(ours, theirs) < 1e-5
    for mine, yours in zip(here, there, strict=False):
        if isinstance(mine, Epoch) and isinstance(yours, Epoch):
            assert mine.metrics == pytest.approx(yours.metrics, abs=1e-5)


def test_a_convolutional_network_in_float32_is_the_cpus(convolutional: Net, splits: Splits) -> None:
    # Not Adam, which blows up to full steps the rounding that is the gradient of a bias before a
    # normalization.
    plain = {"optimizer": {"name": "sgd", "learning_rate": 0.05, "momentum": 0.9}, "epochs": 1}

    def still(network: nn.Module) -> nn.Module:
        """Without dropout, whose draws differ between devices."""
        network.logits = lambda x: network.out(  # type: ignore[assignment]
            network.deep(network.norm(network.conv(x)).relu()).relu().flatten(1)
        )
        return network

    ours, theirs = still(convolutional()), still(convolutional())
    trained(ours, splits, REPLAYED, **plain)
    trained(theirs, splits, CPU, **plain)
    assert largest_gap(ours, theirs) < 1e-5


def pictures(model: Model) -> torch.Tensor:
    size = model.inputs[0].shape
    return torch.tensor(np.random.default_rng(0).normal(size=(4, *size))).permute(0, 3, 1, 2)


def padded_tokens(_: Model) -> torch.Tensor:
    """Rows of 9, 7, 4 and 1 tokens, and zeros behind them."""
    tokens = np.random.default_rng(0).integers(1, 30, (4, 9))
    return torch.tensor(np.where(np.arange(9) < np.array([[9], [7], [4], [1]]), tokens, 0))


def windows(model: Model) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(0).normal(size=(4, *model.inputs[0].shape)))


GIVEN = {
    "mnist-cnn": pictures, "lenet5": pictures, "resnet18": pictures,
    "text-lstm": padded_tokens, "charlstm": padded_tokens, "charlstm-cell": padded_tokens,
    "chargru": padded_tokens, "chargpt": padded_tokens,
    "patchtst": windows, "dlinear": windows, "series-lstm": windows,
}  # fmt: skip


def undropped(network: nn.Module) -> nn.Module:
    """In training, as cuDNN wants it for gradients of recurrent layers, but with nothing dropped,
    which each device would draw in its own way."""
    for each in network.modules():
        if isinstance(each, nn.Dropout):
            each.p = 0.0
    return network.train()


# A cell's arrays are its own: cuDNN puts them side by side at each call, and tells so once.
@pytest.mark.filterwarnings("ignore:RNN module weights are not part of single contiguous chunk")
@pytest.mark.parametrize("name", GIVEN)
def test_outputs_and_gradients_in_float64_are_the_cpus(name: str) -> None:
    model = zoo.build(name, (32, 32, 3) if name == "resnet18" else None, head=False)
    x, rng = GIVEN[name](model), np.random.default_rng(1)
    found, weights = [], None
    for device in ("cpu", "cuda"):
        network = undropped(module(model, draw(model, 0), "float64").to(device))
        out = network(x.to(device))
        weights = torch.tensor(rng.normal(size=out.shape)) if weights is None else weights
        loss = (out * weights.to(device)).sum().sin()
        gradients = torch.autograd.grad(loss, [w for w in network.parameters() if w.requires_grad])
        found.append([out.detach().cpu(), *(g.cpu() for g in gradients)])
    for here, there in zip(*found, strict=True):
        assert torch.linalg.norm(there - here) <= 1e-9 * max(1.0, torch.linalg.norm(here))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_makes_the_cpus_updates(name: str) -> None:
    found = []
    for device in ("cpu", "cuda"):
        rng = np.random.default_rng(0)
        parameters = {
            key: torch.tensor(rng.normal(size=shape), device=device)
            for key, shape in (("kernel", (4, 3, 3, 3)), ("matrix", (5, 6)), ("bias", (5,)))
        }
        update = Update(Training(optimizer=name).optimizer, parameters)
        for _ in range(5):
            for parameter in parameters.values():
                parameter.grad = torch.tensor(rng.normal(size=parameter.shape), device=device)
            update.step(1e-2)
        found.append(torch.cat([p.detach().cpu().flatten() for p in parameters.values()]))
    assert (found[0] - found[1]).abs().max() < 1e-9


def test_batches_on_the_gpu_are_the_cpus(rows: Callable[..., Rows]) -> None:
    order, change = epoch_order(0, 1, 70, 8), Change(Augment(flip=True, crop=1, brightness=0.1), 3)
    for given in (Change(), change, Change(Augment(flip=True, vertical_flip=True, crop=2), 3)):
        pairs = zip(
            Source(rows(70, 0), Form(("input",), ("output",), "cpu"), given).batches(order, 2, 1),
            Source(rows(70, 0), Form(("input",), ("output",), "cuda"), given).batches(order, 2, 1),
            strict=True,
        )
        for ours, theirs in pairs:
            assert theirs.inputs[0].is_cuda and theirs.targets["output"].is_cuda
            assert torch.equal(ours.inputs[0], theirs.inputs[0].cpu())
            assert torch.equal(ours.targets["output"], theirs.targets["output"].cpu())
            assert ours.inputs[0].stride() == theirs.inputs[0].stride()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_replayed_has_the_bits_of_what_is_called(
    convolutional: Net, splits: Splits, precision: str
) -> None:
    called, replayed = convolutional(), convolutional()
    trained(called, splits, replace(CUDA, precision=precision))
    trained(replayed, splits, replace(REPLAYED, precision=precision))
    assert content(called) == content(replayed)


def test_batches_are_replayed(
    convolutional: Net, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    honest = passes.Replay.__call__

    def counted(self: passes.Replay, batch: memory.Batch) -> Any:
        calls.append(len(batch))
        return honest(self, batch)

    monkeypatch.setattr(passes.Replay, "__call__", counted)
    trained(convolutional(), splits, REPLAYED)
    assert set(calls) == {8} and len(calls) >= 3 * 8 - passes.WARM - 2


SETTINGS: dict[str, Any] = {
    "ema": 0.9,
    "augment": {"flip": True, "crop": 1},
    "schedule": {"name": "cosine", "warm_up": 3},
    "early_stopping": {"patience": 3},
    "checkpoint_seconds": 0,
    "keep": 100,
}


@pytest.mark.parametrize("step", [1, 4, 13, 20, 27])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_resumed_run_ends_with_the_same_bytes(
    convolutional: Net,
    splits: Splits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    precision: str,
    accumulate: int,
) -> None:
    monkeypatch.setattr(saving, "_SAVING", math.inf)
    execution = replace(REPLAYED, precision=precision)
    settings = SETTINGS | {"accumulate": accumulate, "epochs": 3 * accumulate}
    whole = convolutional()
    trained(whole, splits, execution, **settings)
    training = Training.from_json({"epochs": 3, "batch_size": 8, **settings})
    for event in fit(convolutional(), OBJECTIVE, splits, training, execution, Place(tmp_path)):
        if isinstance(event, Saved) and event.step == step:
            break
    again = convolutional(seed=5)
    trained(again, splits, execution, Place(tmp_path, resume=True), **settings)
    assert content(whole) == content(again)


def test_too_little_memory_is_one_sentence_with_a_remedy(
    convolutional: Net, splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(convolutional(), splits, CUDA, Place(tmp_path), epochs=1)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    network = convolutional()
    logits = network.logits

    def greedy(x: torch.Tensor) -> torch.Tensor:
        torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
        return logits(x)  # type: ignore[operator]

    monkeypatch.setattr(network, "logits", greedy)
    place = Place(tmp_path, resume=True, inexact=True)
    wanted = r"batch_size=4 training.accumulate=2.*The checkpoint step-000000009 is sound\.$"
    with pytest.raises(TrainingError, match=wanted):
        trained(network, splits, CUDA, place, epochs=2)
    assert checkpoint.newest(tmp_path) is not None
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept


def test_a_run_on_the_gpu_is_scored_on_the_cpu_alike(tmp_path: Path) -> None:
    words = ["training.epochs=2", "training.device=cuda"]
    done = workflow.run(
        load("digits-mlp", overrides(words)), workflow.Options(out=tmp_path / "run")
    )
    recorded = json.loads((done.run.path / "environment.json").read_text())
    assert recorded["execution"]["device"] == "cuda"
    assert recorded["gpu"] == torch.cuda.get_device_name()
    assert torch.cuda.get_device_name() in (done.run.path / "report.html").read_text()
    again = workflow.evaluate(done.run)
    for split, metrics in again.items():
        for name, one in metrics.items():
            kept = done.run.scores[split][name]["value"]
            assert one["value"] == pytest.approx(kept, abs=1e-6)


def test_a_network_too_large_for_two_is_not_recorded(
    convolutional: Net, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "_room", lambda: False)
    monkeypatch.setattr(passes, "Replay", None)
    trained(convolutional(), splits, REPLAYED)


def test_a_recording_keeps_the_statistics_of_normalization(
    convolutional: Net, splits: Splits
) -> None:
    network = convolutional().cuda()
    training = Training.from_json({"batch_size": 8})
    setup = set_up(network, Objectives(OBJECTIVE, OBJECTIVE), splits, training, REPLAYED)
    setup.train_mode()
    batch = next(setup.train.batches(epoch_order(0, 0, 70, 8)))
    passes.backward(setup, batch)
    before = content(network)
    passes.Replay(setup, batch)
    assert content(network) == before


def test_a_network_answers_and_is_scored_on_the_gpu_as_on_the_cpu() -> None:
    model = zoo.build("mnist-cnn")
    rng = np.random.default_rng(0)
    inputs = {"input": rng.normal(size=(6, 28, 28, 1)).astype(np.float32)}
    targets = {"output": rng.integers(0, 10, 6)}
    found = []
    for device in ("cpu", "cuda"):
        network = TorchNetwork(model, draw(model, 0))
        move(network, device)
        answer = network.forward(inputs, ["conv2"])
        gradients = network.gradients(inputs, targets, OBJECTIVE.losses)
        found.append(
            [answer.outputs["output"], answer.taps["conv2"], *gradients.parameters.values()]
        )
    for here, there in zip(*found, strict=True):
        assert np.linalg.norm(there - here) <= 1e-5 * max(1.0, np.linalg.norm(here))
