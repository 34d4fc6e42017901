"""Keras 3: compile and fit on arrays, every setting at its default, no bar.

On TensorFlow, or on the framework that KERAS_BACKEND names.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import common
import keras
from keras import layers


def cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def mlp() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def mnist_mlp() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def text() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((200,), dtype="int32"),
            layers.Embedding(20_000, 128, mask_zero=True),
            layers.LSTM(128),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def charlstm(characters: int) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(characters, 64),
            layers.LSTM(256, return_sequences=True),
            layers.Dense(characters, activation="softmax"),
        ]
    )


class Times(keras.callbacks.Callback):
    def __init__(self, clock: common.Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.clock.begin()

    def on_test_begin(self, logs: dict | None = None) -> None:
        self.clock.trained()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.clock.validated(logs["val_accuracy"])


def network(settings: common.Settings) -> keras.Model:
    if settings.network == "charlstm":
        return charlstm(common.characters(settings.rows))
    return {"cnn": cnn, "mlp": mlp, "mnist-mlp": mnist_mlp, "text": text}[settings.network]()


def main() -> None:
    settings = common.settings()
    keras.utils.set_random_seed(settings.seed)
    reads = settings.network in ("text", "charlstm")
    x, y, x_val, y_val = (common.tokens if reads else common.mnist)(settings.rows)
    shape = (
        (-1, x.shape[1]) if reads else (-1, 28, 28, 1) if settings.network == "cnn" else (-1, 784)
    )
    binary = settings.network == "text"
    model = network(settings)
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    clock = common.Clock(len(x))
    model.fit(
        x.reshape(shape),
        y,
        batch_size=settings.batch,
        epochs=settings.epochs,
        validation_data=(x_val.reshape(shape), y_val),
        callbacks=[Times(clock)],
        verbose=0,
    )
    framework = {"tensorflow": "tensorflow-cpu"}.get(keras.config.backend(), "jax")
    clock.report(model.count_params(), ("keras", framework), "float32")


if __name__ == "__main__":
    main()
