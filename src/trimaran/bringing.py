"""Bring your own: a live model of a framework becomes a description with its weights."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trimaran.backends.protocol import Translation
from trimaran.steps.brought import hold


def from_keras(model: Any) -> Translation:
    """The description and the weights of a Keras 3 model, Sequential or functional.

        found = trimaran.from_keras(model)
        found.model, found.weights      # what trimaran's verbs and backends take

    Layer names become paths: the layer `conv-1` of a model `encoder` that is used as a layer is
    "encoder.conv_1" (characters that no name in a source may have become _, words that Python or
    PyTorch claim get _ behind them). Layers and models that are called twice are shared. A single
    input is called "input" and a single output "output"; several keep their names.

    The description's outputs are compared with the model's own on random rows before it is given
    back. How it trains is said elsewhere: `trainable`, regularizers and constraints belong to the
    recipe (`training.freeze`, `training.optimizer`), and Trimaran's BatchNormalization keeps
    PyTorch's running variance, the unbiased one, which is n/(n-1) times Keras's (n entries per
    channel in a batch): evaluation is equal, statistics learned from here on differ by that.

    Raises:
        ConversionError: a layer, or a use of one, has no description (the text names the first in
            the order of the calls, and the remedy); the model is subclassed and has no config of
            its layers; or its outputs differ from the description's.
    """
    found = import_module("trimaran.backends.keras.from_keras").from_keras(model)
    hold(found.translation, found.forward)
    translation: Translation = found.translation
    return translation
