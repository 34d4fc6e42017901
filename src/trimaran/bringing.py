"""Bring your own: a live model of a framework becomes a description with its weights."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trimaran.backends.protocol import Translation
from trimaran.steps.brought import hold
from trimaran.steps.implementation import source


class Brought(Translation):
    """A model that was brought: `.model`, its description, and `.weights`."""

    def to_source(self, to: str = "torch", style: str | None = None) -> str:
        """The model as source that imports the framework alone.

        Args:
            to: "torch" or "keras".
            style: of Keras's source "sequential", "functional" or "subclass"; by default what fits.

        Raises:
            RecipeError: there is no such source, or a style was asked of PyTorch.
            DescriptionError: the model cannot be written in that style.
        """
        return source(self.model, to, style)


def from_keras(model: Any) -> Brought:
    """The description and the weights of a Keras 3 model, Sequential or functional.

        found = trimaran.from_keras(model)
        found.model, found.weights      # what trimaran's verbs and backends take
        found.to_source("torch")        # the source of the other framework

    Layer names become paths: the layer `conv-1` of a model `encoder` that is used as a layer is
    "encoder.conv_1" (characters that no name in a source may have become _, words that Python or
    PyTorch claim get _ behind them). Layers and models that are called twice are shared. A single
    input is called "input" and a single output "output"; several keep their names.

    The description's outputs are compared with the model's own on random rows before it is given
    back. How it trains is said elsewhere: `trainable`, regularizers and constraints belong to the
    recipe (`training.freeze`, `training.optimizer`), and Trimaran's BatchNormalization keeps
    PyTorch's running variance, the unbiased one, which is n/(n-1) times Keras's (n entries per
    channel in a batch): evaluation is equal, statistics learned from here on differ by that. What
    an Embedding(mask_zero=True) masks are rows padded behind their last step; Keras skips a 0
    wherever it stands.

    Raises:
        ConversionError: a layer, or a use of one, has no description (the text names the first in
            the order of the calls, and the remedy); the model is subclassed and has no config of
            its layers; or its outputs differ from the description's.
    """
    found = import_module("trimaran.backends.keras.from_keras").from_keras(model)
    hold(found.translation, found.forward)
    return Brought(found.translation.model, found.translation.weights)


def from_torch(module: Any, example: Any) -> Brought:
    """The description and the weights of a PyTorch module made of layers that Trimaran has.

        found = trimaran.from_torch(net, (3, 224, 224))
        found.model, found.weights      # what trimaran's verbs and backends take
        found.to_source("keras")        # the source of the other framework

    The module's own paths stay, so the emitted PyTorch source loads its state dict, and its
    nesting stays, so a block that is repeated becomes one class. The module is left as it is.
    Pictures go in as PyTorch has them, (channels, height, width); a series that convolutions read
    is described channels-last, (steps, channels).

    The emitted network is run beside the module before anything is given back, in evaluation and
    in training mode (dropout off), with its weights and with disturbed ones.

    Args:
        module: a `torch.nn.Module`.
        example: a tensor, a tuple of tensors, a shape without the batch, or a tuple of shapes.

    Raises:
        ConversionError: an operation, or a use of one, has no description (the text names the
            first in the order of the calls, the module's path, the line of its code, and the
            remedy); or the translation does not compute the same.
    """
    found = import_module("trimaran.backends.torch.from_torch").from_torch(module, example)
    return Brought(found.model, found.weights)
