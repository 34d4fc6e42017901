"""A mistake written into PyTorch's source: a reshape to a wrong size before the last Dense."""

from __future__ import annotations

import re

from trimaran.emit.planting import Planted, last_call


def plant(source: str, width: int) -> Planted | None:
    """The source with the mistake, or None where it has no place that is known.

    width: what the last Dense takes in; the mistake makes it one more.
    """
    place = last_call(source, re.compile(r"^(\s+)(?:.*\W)?self\.dense\d*\((\w+)\)"))
    if place is None:
        return None
    lines, at, indent, name = place
    wrong = f"{indent}{name} = {name}.reshape(len({name}), {width + 1})"
    return Planted("\n".join([*lines[:at], wrong, *lines[at:]]) + "\n", at + 1, wrong.strip())
