"""The chapter's Keras listings, word for word, with nothing changed but their imports.

Typographic spaces (`MaxPooling 2 D`, `' relu '`) are repaired; what a listing leaves undefined
(`train_images`) is given.
"""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimaran.data.datasets import Dataset

MLP = """
from trimaran.models import Sequential
from trimaran.layers import Dense

model = Sequential([
    Dense(128, activation='relu', input_shape=(784,)),
    Dense(64, activation='relu'),
    Dense(10, activation='softmax')
])
model.compile(optimizer='adam',
              loss='categorical_crossentropy',
              metrics=['accuracy'])
"""

MNIST = """
from trimaran import layers, models

model = models.Sequential([
    layers.Conv2D(32, (3,3), activation='relu', input_shape
        =(28,28,1)),
    layers.MaxPooling2D((2,2)),
    layers.Flatten(),
    layers.Dense(128, activation='relu'),
    layers.Dense(10, activation='softmax')
])

model.compile(optimizer='adam',
    loss='sparse_categorical_crossentropy',
    metrics=['accuracy'])
model.fit(train_images, train_labels, epochs=10, validation_split=0.2)
"""

CIFAR = """
from trimaran import layers, models

model = models.Sequential([
    layers.Conv2D(32, (3, 3), activation='relu', input_shape
        =(32, 32, 3)),
    layers.MaxPooling2D((2, 2)),
    layers.Conv2D(64, (3, 3), activation='relu'),
    layers.MaxPooling2D((2, 2)),
    layers.Flatten(),
    layers.Dense(128, activation='relu'),
    layers.Dense(10, activation='softmax')
])

model.compile(optimizer='adam',
              loss='sparse_categorical_crossentropy',
              metrics=['accuracy'])
"""

FRAMEWORKS = """
from trimaran.models import Sequential
from trimaran.layers import Dense

model = Sequential([
    Dense(64, activation='relu', input_shape=(100,)),
    Dense(10, activation='softmax')
])
model.compile(optimizer='adam', loss='categorical_crossentropy')
"""

EXERCISE_1 = """
# Train a CNN on MNIST dataset
from trimaran import datasets
from trimaran import layers, models
(x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()
x_train = x_train.reshape(-1, 28, 28, 1).astype('float32') / 255.0
x_test = x_test.reshape(-1, 28, 28, 1).astype('float32') / 255.0
model = models.Sequential([
layers.Conv2D(32, (3,3), activation='relu', input_shape
              =(28,28,1)),
layers.MaxPooling2D((2,2)),
layers.Conv2D(64, (3,3), activation='relu'),

layers.MaxPooling2D((2,2)), layers.Flatten(),
layers.Dense(128, activation='relu'), layers.Dense(10, activation='softmax')
])

model.compile(optimizer='adam',
              loss='sparse_categorical_crossentropy',
              metrics=['accuracy'])
model.fit(x_train, y_train, epochs=5, validation_split=0.2)
"""


@pytest.fixture(scope="module")
def digits():
    """500 of MNIST's digits, mixed, as (N, 28, 28) uint8 with their labels."""
    from trimaran.data.sources.images import embedded_mnist

    raw = embedded_mnist("a test")
    order = np.random.default_rng(0).permutation(len(raw.labels))[:500]
    return raw.images[order, ..., 0], raw.labels[order]


def listing(text, **given):
    names = dict(given)
    exec(compile(text, "<the chapter>", "exec"), names)
    return names


def test_section_2_the_mlp(digits):
    images, labels = digits
    model = listing(MLP)["model"]
    assert model.count_params() == 109_386
    x, y = images.reshape(-1, 784) / 255.0, np.eye(10)[labels]
    history = model.fit(x[:400], y[:400], epochs=8, verbose=0)
    assert set(history.history) == {"loss", "accuracy"}
    assert model.evaluate(x[400:], y[400:], return_dict=True)["accuracy"] > 0.75


def test_section_3_the_cnn_on_mnist(digits):
    images, labels = digits
    given = {"train_images": images[:250, ..., None] / 255.0, "train_labels": labels[:250]}
    model = listing(MNIST, **given)["model"]
    assert model.count_params() == 693_962
    rest = images[250:, ..., None] / 255.0
    assert model.evaluate(rest, labels[250:], return_dict=True)["accuracy"] > 0.75


def test_section_4_the_cnn_for_colour_pictures():
    model = listing(CIFAR)["model"]
    assert model.count_params() == 315_722
    x = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3)) / 255.0
    y = np.arange(40)[:, None] % 10
    history = model.fit(x, y, epochs=1, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    np.testing.assert_allclose(model.predict(x).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.data
def test_section_4_learns_from_cifar10(data_root, tmp_path, monkeypatch):
    from trimaran import datasets

    # To decode all 60,000 pictures takes half a minute.
    for path in (data_root / "cifar10").glob("*.parquet"):
        few = next(pq.ParquetFile(path).iter_batches(120))
        (tmp_path / "cifar10").mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_batches([few]), tmp_path / "cifar10" / path.name)
    monkeypatch.setenv("TRIMARAN_DATA", str(tmp_path))
    monkeypatch.setenv("TRIMARAN_CACHE", str(tmp_path / "cache"))
    (x, y), _ = datasets.cifar10.load_data()
    assert x.shape == (600, 32, 32, 3) and y.shape == (600, 1)
    model = listing(CIFAR)["model"]
    history = model.fit(x / 255.0, y, epochs=4, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] - 0.2


def test_section_6_the_mlp_of_the_comparison():
    model = listing(FRAMEWORKS)["model"]
    assert model.count_params() == 7_114
    x = np.random.default_rng(0).normal(size=(64, 100))
    assert list(model.fit(x, np.eye(10)[np.arange(64) % 10], verbose=0).history) == ["loss"]


def test_exercise_1(digits, monkeypatch):
    images, labels = digits
    parts = (images[:400], labels[:400]), (images[400:], labels[400:])
    monkeypatch.setattr(Dataset, "load_data", lambda self: parts)
    names = listing(EXERCISE_1)
    model = names["model"]
    assert model.count_params() == 225_034
    assert model.evaluate(names["x_test"], names["y_test"], return_dict=True)["accuracy"] > 0.75


@pytest.mark.data
def test_the_data_of_exercise_1_are_keras_arrays(data_root):
    from trimaran import datasets

    (x, y), (x_test, y_test) = datasets.mnist.load_data()
    assert (x.shape, x.dtype, y.shape) == ((60_000, 28, 28), np.uint8, (60_000,))
    assert (x_test.shape, y_test.shape) == ((10_000, 28, 28), (10_000,))
