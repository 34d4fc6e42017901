"""The kinds of graph that TensorFlow runs."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from trimaran.backends.keras.worker.subject import Subject
from trimaran.training.probe import Ready

Call = Callable[..., Any]
Wrap = Callable[[Call], Call]


def _eager(subject: Subject) -> Ready:
    return _ready(subject, lambda f: f)


def _graph(subject: Subject) -> Ready:
    return _ready(subject, lambda f: tf.function(f, autograph=False))


def _xla(subject: Subject) -> Ready:
    return _ready(subject, lambda f: tf.function(f, autograph=False, jit_compile=True))


def _saved(subject: Subject) -> Ready:
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):  # it tells the signature
            subject.whole.export(folder, format="tf_saved_model", verbose=False)
        loaded = tf.saved_model.load(folder)
    inputs = [tf.constant(values) for values in subject.inputs]
    return Ready(lambda: _done(loaded.serve(inputs)), subject.fetch)


KINDS: dict[str, Callable[[Subject], Ready]] = {
    "eager": _eager,
    "tf.function": _graph,
    "XLA": _xla,
    "SavedModel": _saved,
}


def _ready(subject: Subject, wrap: Wrap) -> Ready:
    inputs = [tf.constant(values) for values in subject.inputs]
    given = inputs[0] if len(inputs) == 1 else inputs
    targets = {name: tf.constant(values) for name, values in subject.targets.items()}
    answer = wrap(lambda x: subject.whole(x, training=False))
    step = wrap(_step(subject))
    return Ready(
        lambda: _done(answer(given)), subject.fetch, lambda: step(given, targets).numpy().item()
    )


def _step(subject: Subject) -> Call:
    """One update by Keras's own Adam."""
    network = subject.scored
    optimizer = keras.optimizers.Adam(subject.rate)
    optimizer.build(network.trainable_variables)

    def step(inputs: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = subject.loss(network(inputs, training=True), targets)
        weights = network.trainable_variables
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    return step


def _done(found: Any) -> Any:
    """TensorFlow computes before it returns on a CPU, but this waits wherever it does not."""
    return tf.nest.map_structure(lambda t: t.numpy(), found)
