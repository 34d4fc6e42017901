"""A mistake written into Keras's source: a reshape to a wrong size before the last Dense."""

from __future__ import annotations

import re

from trimaran.emit.planting import Planted, last_call

# In a Sequential a Dense is an item of a list; in the functional style it is called on a tensor.
_ITEM = re.compile(r"^(\s+)(layers)\.Dense\(.*\),$")
_CALL = re.compile(r"^(\s+)\w+ = layers\.Dense\(.*\)\((\w+)\)$")


def plant(source: str, width: int) -> Planted | None:
    """The source with the mistake, or None where it has no place that is known.

    width: what the last Dense takes in; the mistake makes it one more.
    """
    layer = f"layers.Reshape(({width + 1},))"
    for pattern, form in ((_ITEM, "{indent}{layer},"), (_CALL, "{indent}{name} = {layer}({name})")):
        place = last_call(source, pattern)
        if place is not None:
            lines, at, indent, name = place
            wrong = form.format(indent=indent, layer=layer, name=name)
            text = "\n".join([*lines[:at], wrong, *lines[at:]]) + "\n"
            return Planted(text, at + 1, wrong.strip())
    return None
