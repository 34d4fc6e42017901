"""`from_torch`: somebody's own `nn.Module` as a description with weights."""

from __future__ import annotations

from typing import Any

from torch import nn

from trimaran.backends.protocol import Translation
from trimaran.backends.torch.reading.example import Example, example_of, run, with_tokens
from trimaran.backends.torch.reading.opened import copied, opened
from trimaran.backends.torch.reading.read import Read, read
from trimaran.backends.torch.reading.verify import hold_alike, verify
from trimaran.errors import ConversionError


def from_torch(module: nn.Module, example: Any) -> Translation:
    """The description and weights of a module made of layers that a description has.

    The module's own paths stay, so the emitted PyTorch source loads its state dict, but for what
    becomes a layer of its own: each of a recurrent stack, attention by hand, positions that are a
    bare parameter (sines in a buffer are computed). Its nesting stays too, so that a block that is
    repeated is one class. Before anything is returned, the emitted network is run beside the
    module.

    Args:
        module: it is read, and left as it is.
        example: a tensor, a tuple of tensors, or a shape without the batch, as the module takes
            them (pictures as (channels, height, width)).

    Raises:
        ConversionError: names the first operation, or use of one, that has no layer, and the line
            in the module's code; or the translation does not compute the same.
    """
    found = reading(module, example_of(example))
    return Translation(found.model, found.weights)


def reading(module: nn.Module, example: Example) -> Read:
    """The translation with the order of the module's own axes, verified."""
    if not isinstance(module, nn.Module):
        raise ConversionError(
            f"expected an nn.Module, got {type(module).__name__}; give an instance of your network."
        )
    made, example = _opened(module, example)
    found = read(made, example)
    verify(made, found, example)
    return found


def _opened(module: nn.Module, example: Example) -> tuple[nn.Module, Example]:
    """A copy that is known to compute what the module computes, and what it takes."""
    own = copied(module)
    example = with_tokens(own, example)
    run(own, example)
    made = opened(copied(module), example)
    hold_alike(own, made, example)
    return made, example
