"""Open listed pictures: choose one size, decode what fits into memory, name what is damaged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.raw import ImageFiles, RawImages
from trimaran.data.settings import DataSettings
from trimaran.data.sources.folder import Listing
from trimaran.data.sources.pictures import measure, read_all
from trimaran.data.splits import SPELLINGS
from trimaran.errors import DataError

LARGEST = 224  # pictures of several sizes become at most this, the size of ImageNet models
SMALLEST = 8
Size = tuple[int, int, bool, bool]  # height, width, is grey, has several frames
Shape = tuple[int, int, int]


def gather(listing: Listing, settings: DataSettings) -> RawImages | ImageFiles:
    """The pictures in memory, or as files where they need more than `settings.memory` gigabytes.

    Every file is decoded once here, so that a damaged one cannot stop a long training. Raises one
    `DataError` that names the unreadable files, or leaves them out and says so (`on_bad`).
    """
    sizes, broken = measured(listing.paths)
    good = [size for size in sizes if size is not None]
    shape = common_shape(good, settings) if good else (1, 1, 1)
    fits = len(good) * shape[0] * shape[1] * shape[2] <= settings.memory * 1e9
    pixels, damaged = read_all(listing.paths, shape, settings.resize, keep=fits)
    problems = [a or b for a, b in zip(broken, damaged, strict=True)]
    kept = np.flatnonzero([not p for p in problems])
    told = _refuse_or_tell([p for p in problems if p], len(kept), settings)
    splits = np.array([SPELLINGS.get(s.lower(), s) for s in listing.splits])
    common: dict[str, Any] = {
        "name": listing.name,
        "labels": listing.labels[kept],
        "parts": _parts(splits[kept]) if len(splits) else None,
        "facts": _facts(good, [p for p in problems if p]),
        "notices": (*listing.notices, *told, *_frames(good), *_resized(good, shape, settings)),
    }
    paths = tuple(listing.paths[k] for k in kept)
    if not fits:
        return ImageFiles(paths=paths, shape=shape, **common)
    images = pixels if len(kept) == len(pixels) else pixels[kept]
    return RawImages(images=images, origins=tuple(str(p) for p in paths), **common)


def measured(paths: Sequence[Path]) -> tuple[list[Size | None], list[str]]:
    """The size of each picture from its header, and a sentence (else "") for a broken one."""
    problems = [""] * len(paths)

    def look(row: int) -> Size | None:
        try:
            return measure(paths[row])
        except DataError as error:
            problems[row] = str(error)
            return None

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(look, range(len(paths)))), problems


def common_shape(sizes: Sequence[Size], settings: DataSettings) -> Shape:
    """The shape that all pictures get.

    The rule: `image_size` squares them; else one common size of at most 224 pixels a side stays;
    else the side is the median of the shorter sides, between 8 and 224. Grey if all are grey.
    """
    channels = settings.channels or (1 if all(grey for _, _, grey, _ in sizes) else 3)
    if settings.image_size is not None:
        return settings.image_size, settings.image_size, channels
    shapes = {(height, width) for height, width, *_ in sizes}
    if len(shapes) == 1 and max(next(iter(shapes))) <= LARGEST:
        height, width = next(iter(shapes))
        return height, width, channels
    side = int(np.median([min(height, width) for height, width, *_ in sizes]))
    side = min(max(side, SMALLEST), LARGEST)
    return side, side, channels


def _refuse_or_tell(problems: Sequence[str], good: int, settings: DataSettings) -> tuple[str, ...]:
    if not problems:
        return ()
    total = good + len(problems)
    shown = "; ".join(problems[:10])
    more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
    if settings.on_bad == "drop" and good:
        return (f"{len(problems)} of {total} pictures are unreadable and left out: {shown}{more}.",)
    raise DataError(
        f"{len(problems)} of {total} pictures are unreadable: {shown}{more}; replace or remove "
        f"them, or set data.on_bad=drop to leave them out."
    )


def _parts(splits: np.ndarray) -> Mapping[str, np.ndarray]:
    return {str(name): np.flatnonzero(splits == name) for name in np.unique(splits)}


def _facts(sizes: Sequence[Size], unreadable: Sequence[str]) -> dict[str, Any]:
    common = Counter(f"{height}x{width}" for height, width, *_ in sizes).most_common(5)
    facts: dict[str, Any] = {
        "origin": "your own pictures",
        "picture sizes": dict(common),
        "grey pictures": sum(grey for _, _, grey, _ in sizes),
    }
    return facts | ({"unreadable": list(unreadable)} if unreadable else {})


def _frames(sizes: Sequence[Size]) -> tuple[str, ...]:
    many = sum(several for *_, several in sizes)
    return (f"{many} picture(s) hold several frames or pages; the first is used.",) if many else ()


def _resized(sizes: Sequence[Size], shape: Shape, settings: DataSettings) -> tuple[str, ...]:
    other = sum((height, width) != shape[:2] for height, width, *_ in sizes)
    if not other:
        return ()
    how = {"crop": "scaled, and cropped to the centre", "pad": "scaled, with black borders"}
    return (
        f"{other} of {len(sizes)} pictures have another size than {shape[0]}x{shape[1]} and are "
        f"{how.get(settings.resize, 'stretched')}; data.image_size and data.resize change that.",
    )
