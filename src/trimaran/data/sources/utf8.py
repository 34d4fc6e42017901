"""Text files, read whole."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from trimaran.errors import DataError


def read_utf8(path: Path) -> str:
    """The text as it stands, its line ends too; a byte order mark is no part of it.

    Raises `DataError` where it cannot be read or is not UTF-8; the text names the byte.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}).") from None
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}; save it "
            "as UTF-8, for example with: iconv -f LATIN1 -t UTF-8 "
            f"{quote(str(path))} > {quote(f'{path.stem}-utf8{path.suffix}')}"
        ) from None
