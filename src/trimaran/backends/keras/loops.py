"""The training loops that an engineer would write for an ejected network in Keras, as text:
compile and fit on TensorFlow, a jitted step on JAX."""

from __future__ import annotations

from dataclasses import dataclass

from trimaran.emit.loops import ROWS, Loop, text, title

RUN = {
    "tensorflow": "KERAS_BACKEND=tensorflow python train.py",
    "jax": "KERAS_BACKEND=jax python train.py",
}


@dataclass(frozen=True)
class _Words:
    """How one kind of loss is written: the class of the loss, and a figure of each row."""

    loss: str
    name: str
    metric: str
    figure: str


_KINDS = {
    "sparse_categorical_crossentropy": _Words(
        "SparseCategoricalCrossentropy",
        "accuracy",
        "accuracy",
        "(answers.argmax(-1) == targets).mean()",
    ),
    "binary_crossentropy": _Words(
        "BinaryCrossentropy",
        "accuracy",
        "accuracy",
        "((answers[:, 0] > 0.5) == (targets > 0)).mean()",
    ),
    "mean_squared_error": _Words(
        "MeanSquaredError",
        "mean absolute error",
        "mean_absolute_error",
        "abs(answers - targets).mean()",
    ),
}


def loop(given: Loop, backend: str) -> str:
    """The file train.py, for a model.py beside it."""
    words = _KINDS[given.loss]
    if backend == "tensorflow":
        head = title(given, "Keras on TensorFlow", RUN[backend])
        return text(head, _imports(given, []), _data(given, words), _fit(words))
    head = title(given, "Keras on JAX", RUN[backend])
    parts = (_imports(given, ["import jax"]), _data(given, words), _step(given, words), _batches())
    return text(head, *parts, _epochs(words))


def _imports(given: Loop, more: list[str]) -> list[str]:
    return [
        *more,
        "import keras",
        "import numpy as np",
        "from model import build",
        "",
        given.settings,
        "",
    ]


def _data(given: Loop, words: _Words) -> list[str]:
    column = "[:, None]" if given.loss == "binary_crossentropy" else ""
    return [
        "keras.utils.set_random_seed(0)",
        f'rows = np.load("{ROWS}")',
        f'x, y = rows["x"], rows["y"]{column}',
        "model = build()",
        "optimizer = keras.optimizers.Adam(LEARNING_RATE)",
        f"loss = keras.losses.{words.loss}()",
    ]


def _fit(words: _Words) -> list[str]:
    return [
        f'model.compile(optimizer=optimizer, loss=loss, metrics=["{words.metric}"])',
        "history = model.fit(x, y, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0).history",
        "",
        "for epoch in range(EPOCHS):",
        f'    figure = history["{words.metric}"][epoch]',
        f"    shown = f\"loss {{history['loss'][epoch]:.4f}}, {words.name} {{figure:.4f}}\"",
        '    print(f"epoch {epoch + 1}: {shown}")',
    ]


def _step(given: Loop, words: _Words) -> list[str]:
    figure = words.figure
    if given.loss == "binary_crossentropy":
        figure = figure.replace("(targets > 0)", "(targets[:, 0] > 0)")
    return [
        "optimizer.build(model.trainable_variables)",
        "",
        "",
        "def measure(weights, others, inputs, targets):",
        "    answers, others = model.stateless_call(weights, others, inputs, training=True)",
        f"    return loss(targets, answers), (others, {figure})",
        "",
        "",
        *_update(),
        "",
    ]


def _update() -> list[str]:
    return [
        "@jax.jit",
        "def step(state, inputs, targets):",
        "    weights, others, slots = state",
        "    gradient = jax.value_and_grad(measure, has_aux=True)",
        "    (value, (others, figure)), slopes = gradient(weights, others, inputs, targets)",
        "    weights, slots = optimizer.stateless_apply(slots, slopes, weights)",
        "    return (weights, others, slots), value, figure",
        "",
    ]


def _batches() -> list[str]:
    return [
        "groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)",
        "state = tuple([variable.value for variable in group] for group in groups)",
        "random = np.random.default_rng(0)",
        "",
    ]


def _epochs(words: _Words) -> list[str]:
    return [
        "for epoch in range(EPOCHS):",
        "    total, figure = 0.0, 0.0",
        "    order = random.permutation(len(y))",
        "    for batch in np.split(order, range(BATCH_SIZE, len(y), BATCH_SIZE)):",
        "        state, value, share = step(state, x[batch], y[batch])",
        "        total += value * len(batch)",
        "        figure += share * len(batch)",
        f'    shown = f"loss {{total / len(y):.4f}}, {words.name} {{figure / len(y):.4f}}"',
        '    print(f"epoch {epoch + 1}: {shown}")',
        "",
        *_back(),
    ]


def _back() -> list[str]:
    return [
        "for group, values in zip(groups, state, strict=True):",
        "    for variable, value in zip(group, values, strict=True):",
        "        variable.assign(value)",
    ]
