"""The example that a module is read with: two rows or more, in the types that it takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trimaran.errors import ConversionError

ROWS = 2


@dataclass(frozen=True)
class Example:
    """The module's inputs in their order, a batch of two rows or more each."""

    tensors: tuple[torch.Tensor, ...]


def example_of(given: Any) -> Example:
    """A tensor, a tuple of tensors, a shape without the batch, or a tuple of such shapes.

    Raises:
        ConversionError: it is none of these.
    """
    if isinstance(given, torch.Tensor):
        return Example((_rows(given),))
    items = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else []
    if items and all(isinstance(item, torch.Tensor) for item in items):
        return Example(tuple(_rows(item) for item in items))
    if items and all(_is_size(item) for item in items):
        items = [tuple(items)]
    shaped = all(
        isinstance(item, Sequence) and len(item) and all(map(_is_size, item)) for item in items
    )
    if not items or not shaped:
        raise ConversionError(
            f"the example is {given!r}, but a tensor, a tuple of tensors, or a shape of sizes of 1 "
            "or more without the batch was expected, such as (3, 224, 224)."
        )
    generator = torch.Generator().manual_seed(0)
    return Example(tuple(torch.randn(ROWS, *item, generator=generator) for item in items))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _rows(tensor: torch.Tensor) -> torch.Tensor:
    """A copy with two rows at least: an export for one row would hold for one row alone."""
    odd = tensor.is_complex() or tensor.dtype == torch.bool
    if odd or tensor.dim() < 2 or not len(tensor):
        raise ConversionError(
            f"the example has the type {tensor.dtype} and the shape {tuple(tensor.shape)}, but a "
            "batch of floats or of whole numbers was expected; give rows as float32, or tokens."
        )
    if not tensor.is_floating_point():
        found = tensor.detach().to("cpu", copy=True)
        return torch.cat([found, found.roll(1, -1)]) if len(found) == 1 else found
    found = tensor.detach().to("cpu", torch.float32, copy=True)
    return torch.cat([found, 0.5 * found]) if len(found) == 1 else found


class _Looked(Exception):
    """A table is asked for an input that is not of whole numbers."""

    def __init__(self, place: int, rows: int) -> None:
        super().__init__(f"input {place} holds tokens")
        self.place, self.rows = place, rows


def with_tokens(module: nn.Module, example: Example) -> Example:
    """The example with whole numbers for those inputs that an nn.Embedding looks up."""
    tensors = list(example.tensors)

    def asked(table: nn.Module, given: tuple[Any, ...]) -> None:
        for place, tensor in enumerate(tensors):
            found = tensor.is_floating_point() and given and given[0] is tensor
            if found:
                raise _Looked(place, int(table.num_embeddings))  # type: ignore[arg-type]

    tables = [inner for inner in module.modules() if isinstance(inner, nn.Embedding)]
    hooks = [table.register_forward_pre_hook(asked) for table in tables]
    try:
        for _ in tensors:
            try:
                with torch.no_grad():
                    module(*tensors)
            except _Looked as looked:
                tensors[looked.place] = _drawn(tensors[looked.place], looked.rows)
            except Exception:  # `run` tells what the user's code raises
                break
    finally:
        for hook in hooks:
            hook.remove()
    return Example(tuple(tensors))


def _drawn(like: torch.Tensor, rows: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(rows, like.shape, generator=generator)


@contextmanager
def typed(dtype: torch.dtype) -> Iterator[None]:
    """While entered, what code makes by itself (torch.zeros, torch.eye) has this type."""
    kept = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(kept)


def run(module: nn.Module, example: Example) -> Any:
    """What the module returns for the example.

    Raises:
        ConversionError: its own code raises; the text has the exception and its place.
    """
    try:
        with torch.no_grad():
            return module(*(tensor.clone() for tensor in example.tensors))
    except Exception as error:  # whatever the user's code raises
        shapes = ", ".join(
            str(("N", *tensor.shape[1:])).replace("'", "") for tensor in example.tensors
        )
        raise ConversionError(
            f"{type(module).__name__}: forward does not take an input of shape {shapes}: "
            f"{told(error)}; give the shape that it is made for, or mend it there."
        ) from None


def told(error: Exception) -> str:
    """The exception in one line, with its place in the user's code."""
    text = str(error.msg if isinstance(error, SyntaxError) else error).strip()
    first = (text.splitlines() or ["no text"])[0].rstrip(".")
    return f"{type(error).__name__}: {first}{place(error)}"


def place(error: BaseException) -> str:
    """Where the user's own code raised: " (net.py, line 12)", or nothing."""
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({Path(error.filename).name}, line {error.lineno})"
    found, step = "", error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if not file.startswith((*_LIBRARIES, "<")):
            found = f" ({Path(file).name}, line {step.tb_lineno})"
        step = step.tb_next
    return found


_LIBRARIES = (
    str(Path(torch.__file__).parent),
    str(Path(__file__).parents[3]),
    str(Path(inspect.__file__).parent),
)
"""PyTorch's files, ours, and Python's own."""
