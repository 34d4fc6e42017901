"""Scalars written are scalars read, by TensorBoard's own reader."""

import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from trimaran.report.tensorboard import ScalarWriter, scalars


def read(path) -> dict[tuple[str, int], float]:
    found = {}
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            numbers = value.tensor.float_val
            found[value.tag, event.step] = numbers[0] if numbers else value.simple_value
    return found


EPOCH = {"kind": "Epoch", "epoch": 1, "step": 750, "loss": 0.5, "learning_rate": 1e-3,
         "metrics": {"accuracy": 0.8, "val_loss": 0.4, "val_accuracy": 0.9},
         "examples_per_second": 9000.0, "health": []}  # fmt: skip


def test_an_epoch_comes_back_by_name_and_step(tmp_path):
    with ScalarWriter(tmp_path) as writer:
        writer.event(EPOCH)
        writer.event({"kind": "Notice", "text": "nothing to draw"})
    found = read(writer.path)
    assert {tag for tag, _ in found} == {
        "train/loss", "train/accuracy", "val/loss", "val/accuracy", "learning_rate",
        "examples_per_second",
    }  # fmt: skip
    assert found["val/accuracy", 750] == pytest.approx(0.9)


def test_health_and_evaluation_have_names():
    layer = {"layer": "conv1", "gradient": 0.1, "size": 9, "update": 0.01, "dead": None}
    event = {"kind": "Health", "step": 5, "layers": [layer], "diagnoses": []}
    assert scalars(event) == {"gradient/conv1": 0.1, "update/conv1": 0.01}
    tested = {"kind": "Evaluated", "split": "test", "step": 5, "metrics": {"loss": 1}}
    assert scalars(tested) == {"test/loss": 1.0}


def test_a_second_writer_opens_a_second_file(tmp_path):
    with ScalarWriter(tmp_path) as one, ScalarWriter(tmp_path) as two:
        one.add({"a": 1.0}, 1)
        two.add({"a": 2.0}, 2)
    assert one.path != two.path
    assert read(one.path) == {("a", 1): 1.0} and read(two.path) == {("a", 2): 2.0}


def test_what_is_written_can_be_read_before_the_file_is_closed(tmp_path):
    with ScalarWriter(tmp_path) as writer:
        writer.add({"a": 1.0}, 1)
        assert read(writer.path) == {("a", 1): 1.0}


def test_neither_torch_nor_tensorflow_is_imported(tmp_path):
    code = (
        "import sys; from pathlib import Path; from trimaran.report.tensorboard import *; "
        f"w = ScalarWriter(Path({str(tmp_path)!r})); w.add({{'a': 1.0}}, 1); w.close(); "
        "print([n for n in ('torch', 'tensorflow', 'jinja2') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
