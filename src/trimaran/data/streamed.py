"""Pictures that stay in files, as material whose splits are streams."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import partial

import numpy as np

from trimaran.data.decode import Decoder
from trimaran.data.fields import ImageField, image_affine
from trimaran.data.material import Material, usable
from trimaran.data.preprocess import INPUT, OUTPUT, Field
from trimaran.data.raw import ImageFiles
from trimaran.data.settings import DataSettings
from trimaran.data.sources.pictures import read_all, read_picture
from trimaran.data.stream import Stream

_BLOCK = 1024  # pictures in memory at once while the channels are measured


def from_files(files: ImageFiles, settings: DataSettings) -> Material:
    """Each split becomes a `Stream`; the channel means of "standard" cost one more pass."""

    def row(position: int) -> str:
        return str(files.paths[position])

    allowed, told = usable(files.labels, settings, row)
    size = len(files) * math.prod(files.shape) / 1e9
    streamed = (
        f"The {len(files)} decoded pictures would take {size:.3g} GB, more than "
        f"data.memory={settings.memory:g}, so they are read from disk batch by batch."
    )
    return Material(
        name=files.name,
        labels=files.labels,
        fit=partial(_fit, files, settings),
        fetch=partial(_fetch, files, settings),
        allowed=allowed,
        parts=files.parts,
        row=row,
        facts=files.facts,
        notices=(*files.notices, streamed, *told),
    )


def _fit(files: ImageFiles, settings: DataSettings, train: np.ndarray) -> Field:
    blocks = partial(_blocks, files, settings, train)
    affine = image_affine(blocks, settings.normalize, 255.0)
    return ImageField(files.shape, "uint8", affine, settings.resize)


def _blocks(files: ImageFiles, settings: DataSettings, train: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(train), _BLOCK):
        paths = [files.paths[k] for k in train[start : start + _BLOCK]]
        yield read_all(paths, files.shape, settings.resize)[0]


def _fetch(
    files: ImageFiles,
    settings: DataSettings,
    field: Field,
    positions: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None,
) -> Stream:
    assert isinstance(field, ImageField) and field.affine is not None
    return Stream(
        paths=tuple(str(files.paths[k]) for k in positions),
        decoder=Decoder(read_picture, (files.shape, settings.resize), files.shape),
        targets={OUTPUT: targets},
        weights=weights,
        ids=positions,
        affine={INPUT: field.affine},
        name=INPUT,
        workers=min(4, os.cpu_count() or 1),
    )
