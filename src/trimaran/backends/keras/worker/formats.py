"""What Keras can write of a network here: `python -m trimaran.backends.keras.worker.formats
FOLDER`, on the framework that the environment names."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from trimaran.backends.keras.worker.lean import lean

with lean(os.environ["KERAS_BACKEND"]):
    import keras

    from trimaran.backends.keras.emit import emit
    from trimaran.backends.keras.worker.built import assign
    from trimaran.backends.keras.worker.setup import runtime
    from trimaran.backends.keras.worker.subject import subject
    from trimaran.emit.loading import load
    from trimaran.training.probe import Task
    from trimaran.training.writing import Kind, Write, write_all


def kinds(task: Task) -> tuple[Kind, ...]:
    """Every kind of file, for the task's network."""
    runtime().prepare(task.threads)
    network: keras.Model = load(emit(task.model)).build()
    assign(network, task.model, task.weights)
    own = _program(task) if keras.backend.backend() == "jax" else ()
    return (
        Kind(".keras", "Keras's own archive", "model.keras", network.save),
        Kind("SavedModel", "TensorFlow Serving", "saved", _export(network, "tf_saved_model")),
        Kind("LiteRT", "phones and small devices", "model.tflite", _export(network, "litert")),
        Kind("TensorFlow.js", "browsers, by its converter", "web", _web(network)),
        Kind("ONNX", "ONNX Runtime", "model.onnx", _export(network, "onnx")),
        *own,
        *_visualization(network, task),
    )


def _export(network: keras.Model, form: str) -> Write:
    def write(path: Path) -> None:
        network.export(str(path), format=form, verbose=False)

    return write


def _web(network: keras.Model) -> Write:
    def write(path: Path) -> None:
        converters = importlib.import_module("tensorflowjs").converters
        converters.save_keras_model(network, str(path))

    return write


def _program(task: Task) -> tuple[Kind, ...]:
    """What JAX writes by itself."""
    written = importlib.import_module("trimaran.backends.keras.worker.on_jax.graphs").serialized

    def write(path: Path) -> None:
        path.write_bytes(written(subject(task)))

    return (Kind("jax.export", "StableHLO, for any XLA runtime", "model.stablehlo", write),)


def _visualization(network: keras.Model, task: Task) -> tuple[Kind, ...]:
    def tensorboard(path: Path) -> None:
        inputs = [task.inputs[port.name] for port in task.model.inputs]
        network.compile("sgd", ["mse"] * len(network.outputs))
        wanted = network.predict_on_batch(inputs)
        board = keras.callbacks.TensorBoard(str(path), histogram_freq=0, write_graph=False)
        network.fit(inputs, wanted, epochs=1, verbose=0, callbacks=[board])

    about = "event files, by keras.callbacks.TensorBoard"
    return (Kind("TensorBoard", about, "board", tensorboard, "visualization"),)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]), kinds)
