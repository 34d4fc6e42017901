"""Keras's layer names as names in a description: attributes of a source, and parts of keys."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

_WORDS = (
    "add_module apply bfloat16 buffers call_super_init children clear compile cpu cuda double "
    "dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter "
    "get_submodule half ipu items keys load_state_dict modules mtia named_buffers named_children "
    "named_modules named_parameters parameters pop register_backward_hook register_buffer "
    "register_forward_hook register_forward_pre_hook register_full_backward_hook "
    "register_full_backward_pre_hook register_load_state_dict_post_hook "
    "register_load_state_dict_pre_hook register_module register_parameter "
    "register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ self "
    "set_extra_state set_submodule share_memory state_dict to to_empty train training type update "
    "values xpu zero_grad "
)
TAKEN = frozenset(_WORDS.split())
"""What PyTorch's modules and their dictionaries already call something."""


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Each name with what it becomes, which differs for each.

    Letters, digits and _ stay; every other character becomes _, a leading digit gets _ before it,
    a word of Python or PyTorch _ behind it, and a name that is taken already _2, _3 and so on.
    """
    given = list(dict.fromkeys(names))
    found: dict[str, str] = {name: name for name in given if _fit(name) == name}
    taken = set(found)
    for name in given:
        if name in found:
            continue
        base = made = _fit(name)
        number = 1
        while made in taken:
            number += 1
            made = f"{base}_{number}"
        taken.add(made)
        found[name] = made
    return found


def _fit(name: str) -> str:
    text = re.sub(r"\W", "_", name, flags=re.ASCII) or "_"
    if text[0].isdigit():
        text = f"_{text}"
    return f"{text}_" if keyword.iskeyword(text) or text in TAKEN else text
