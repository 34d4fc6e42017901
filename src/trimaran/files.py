"""Text, JSON and YAML files that are whole or absent, whatever happens while they are written."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimaran.errors import RunError

if TYPE_CHECKING:
    import numpy as np


def write_text(path: Path, text: str) -> None:
    """See `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write to a temporary name, force it to disk, rename.

    Raises:
        RunError: the disk is full or the folder cannot be written; an old file is left whole.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        lacking = not path.parent.is_dir()
        remedy = f"make the folder {path.parent}" if lacking else "make room there"
        raise RunError(
            f"{path} could not be written ({error.strerror or error}); {remedy}, or choose "
            "another place."
        ) from None


def write_json(path: Path, value: Any) -> None:
    """JSON that people can read; see `write_text`."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A compressed .npz; see `write_bytes`."""
    import numpy as np

    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def read_json(path: Path) -> Any:
    """The values in a JSON file of a run.

    Raises:
        RunError: it is missing, not JSON or cut off.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RunError(f"{path} is missing; the run did not get that far.") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); restore it or train again.") from None
