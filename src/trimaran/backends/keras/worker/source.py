"""What a network is made from: the text that was emitted for it, or the user's own file."""

from __future__ import annotations

from dataclasses import replace

from trimaran.backends.keras.worker.built import Built, emitted
from trimaran.backends.keras.worker.original.opening import File
from trimaran.spec.model import Model

Source = str | File


def built(model: Model, source: Source, still: tuple[str, ...] = (), peel: bool = False) -> Built:
    """The source's network; normalizations at the paths in `still` keep their statistics."""
    made = emitted(model, source) if isinstance(source, str) else _theirs(model, source)
    for path in still:
        made.hooks.layers[path].trainable = False
    return replace(made, peel=peel)


def _theirs(model: Model, source: File) -> Built:
    """What reads the user's models is imported where one is met: most workers start without."""
    from trimaran.backends.keras.worker.original.theirs import theirs

    return theirs(model, source)
