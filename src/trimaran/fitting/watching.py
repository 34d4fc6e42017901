"""How a fit is shown while it runs."""

from __future__ import annotations

from collections.abc import Callable

from trimaran.errors import RecipeError
from trimaran.training.events import Event


def watch(verbose: str | int) -> tuple[Callable[[Event], None], Callable[[], None]]:
    """What is told of every event, and how it ends."""
    import sys

    from trimaran.cli import progress

    if verbose not in ("auto", 0, 1, 2):
        raise RecipeError(f"verbose is {verbose!r}; expected 'auto', 0, 1 or 2.")
    if verbose == 0:
        return progress.silent, lambda: None
    watch = progress.Lines(sys.stderr) if verbose == 2 else progress.watch()
    return watch, watch.close
