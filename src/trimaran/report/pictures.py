"""Arrays as PNG data URIs: the worst mistakes and the feature maps."""

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimaran.errors import RunError

RAMP = np.array(
    [[13, 17, 43], [40, 58, 124], [38, 116, 160], [63, 172, 144], [168, 216, 96], [252, 250, 200]]
)  # dark to light, even in lightness, so it also reads in grey


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz in their order; empty where there is no file."""
    if not path.exists():
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(
            f"{path} cannot be read ({error}): delete it to report without its pictures."
        ) from None


def data_uri(image: NDArray[np.uint8], largest: int = 160) -> str:
    """A PNG of (H, W) or (H, W, 3) bytes, made smaller where a side exceeds `largest` pixels."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image)
    picture.thumbnail((largest, largest))  # only ever shrinks
    picture.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture (H, W), (H, W, 1) or (H, W, 3): bytes stay, other numbers are stretched to 0-255.

    More channels than three cannot be shown as one picture: the first is.
    """
    flat = image[..., 0] if image.ndim == 3 and image.shape[-1] not in (3,) else image
    if flat.dtype == np.uint8:
        return np.asarray(flat, dtype=np.uint8)
    values = np.nan_to_num(flat.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    inside = low >= 0 and high <= 1
    scaled = values if inside else (values - low) / ((high - low) or 1.0)
    return np.asarray((255 * scaled).round(), dtype=np.uint8)


def coloured(map_: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """(H, W) numbers on the colour ramp: (H, W, 3) bytes."""
    share = np.clip((map_ - low) / ((high - low) or 1.0), 0, 1) * (len(RAMP) - 1)
    floor = np.minimum(share.astype(np.int64), len(RAMP) - 2)
    part = (share - floor)[..., None]
    mixed = RAMP[floor] * (1 - part) + RAMP[floor + 1] * part
    return np.asarray(mixed.round(), dtype=np.uint8)


def strip(maps: NDArray[Any], count: int = 16) -> list[str]:
    """The first `count` channels of (H, W, C) as pictures, on one scale for the layer."""
    values = np.nan_to_num(maps.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    return [
        data_uri(coloured(values[..., channel], low, high), 64)
        for channel in range(min(count, values.shape[-1]))
    ]
