"""The architectures, one short file each; `ZOO` (in `table.py`) is the whole list.

Every model has one input, "input", and one output, "output", that ends in a softmax over the
classes (one sigmoid where `classes` is 1). Convolutions pad explicitly. A model of sequences takes
token numbers, as many as it has classes, and gives a distribution for each step; a reader of texts
takes those of `tokens` different ones, and ends in classes. A forecaster takes a window of a series
and ends in numbers: `classes` columns of `horizon` steps.
"""

from __future__ import annotations

from difflib import get_close_matches

from trimaran.errors import DescriptionError
from trimaran.spec import Model
from trimaran.zoo.parts import without_head
from trimaran.zoo.table import ZOO, Entry

__all__ = ["ZOO", "Entry", "build"]


def build(
    name: str,
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    head: bool = True,
    tokens: int | None = None,
    horizon: int | None = None,
    levels: int = 1,
) -> Model:
    """The architecture of that name, by default in its reference form.

    Args:
        input_shape: channels-last, without the batch.
        classes: units of the output; 1 is one sigmoid for two classes.
        head: False leaves the softmax or sigmoid out, so the output is numbers (regression).
        tokens: different tokens that a reader of texts knows.
        horizon: steps ahead of a forecaster, whose `classes` are the columns to tell.
        levels: quantiles that it tells of each.

    Raises:
        DescriptionError: no such name, or an input that the architecture cannot take.
    """
    if name not in ZOO:
        near = get_close_matches(name, ZOO, 1, 0.5)
        hint = f"did you mean {near[0]!r}?" if near else "name one of them."
        raise DescriptionError(f"model {name!r} is not in the zoo ({', '.join(ZOO)}); {hint}")
    entry = ZOO[name]
    shape = entry.input_shape if input_shape is None else tuple(input_shape)
    units = entry.classes if classes is None else classes
    if not shape or min(shape) < 1 or units < 1:
        raise DescriptionError(
            f"{name}: expected sizes and classes of 1 or more, got input_shape={shape} and "
            f"classes={units}; give those of the data."
        )
    if entry.horizon is not None:
        return entry.make(shape, units, horizon or entry.horizon, levels)
    known = () if entry.tokens is None else (tokens or entry.tokens,)
    model = entry.make(shape, units, *known)
    return model if head else without_head(model)
