"""From a run folder to one page, a model card and TensorBoard scalars, without a framework.

Names are imported when they are asked for: a run that only writes scalars, or a diagram, does not
pay for the templates of the page, nor the page for TensorBoard.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimaran.report.card import write_card
    from trimaran.report.page import render, write_report
    from trimaran.report.tensorboard import ScalarWriter

__all__ = ["ScalarWriter", "render", "write_card", "write_report"]

_HOMES = {
    "ScalarWriter": "tensorboard",
    "render": "page",
    "write_card": "card",
    "write_report": "page",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
