"""Trimaran: describe a model once, train it fast, own its source.

    import trimaran
    run = trimaran.train("mnist-cnn", training={"epochs": 3})
    run.scores, run.predict(images), run.report

Names are loaded when they are first used, so `import trimaran` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trimaran.version import VERSION as __version__

if TYPE_CHECKING:
    from trimaran import callbacks, datasets, layers, losses, models, optimizers
    from trimaran.bringing import from_keras, from_torch
    from trimaran.errors import TrimaranError
    from trimaran.estimators import NeuralClassifier, NeuralRegressor
    from trimaran.handle import Run, find
    from trimaran.python import train

NAMES = {
    "NeuralClassifier": "estimators",
    "NeuralRegressor": "estimators",
    "Run": "handle",
    "TrimaranError": "errors",
    "find": "handle",
    "from_keras": "bringing",
    "from_torch": "bringing",
    "train": "python",
}
"""Public name → the module that defines it."""

MODULES = ("callbacks", "datasets", "layers", "losses", "models", "optimizers")

__all__ = [
    "NeuralClassifier",
    "NeuralRegressor",
    "Run",
    "TrimaranError",
    "__version__",
    "callbacks",
    "datasets",
    "find",
    "from_keras",
    "from_torch",
    "layers",
    "losses",
    "models",
    "optimizers",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in MODULES:
        return import_module(f"trimaran.{name}")
    if name in NAMES:
        return getattr(import_module(f"trimaran.{NAMES[name]}"), name)
    raise AttributeError(f"module 'trimaran' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
