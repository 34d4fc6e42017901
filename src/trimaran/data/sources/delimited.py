"""Text tables (CSV, TSV) as a pandas frame: separator, decimal comma and encoding are found out."""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from trimaran.errors import DataError

if TYPE_CHECKING:
    from pandas import DataFrame

OTHERS = (";", "\t", "|", ",")  # tried where the separator that the name promises is not found
_SAMPLE = 1000  # rows that show whether numbers have a decimal comma
_LONGEST = 2**31 - 1  # characters of a value: the most that the csv module takes everywhere
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Style:
    """How a file is written."""

    separator: str
    decimal: str
    encoding: str

    def told(self, path: Path) -> tuple[str, ...]:
        """A sentence where this is not what the file's name promises."""
        parts = []
        if self.separator != _promised(path):
            parts.append(f"its values are separated by {self.separator!r}")
        if self.decimal == ",":
            parts.append("its numbers have a decimal comma")
        if self.encoding == "utf-16":
            parts.append("it is written in UTF-16")
        return (f"{path.name} is read as it is found: {', '.join(parts)}.",) if parts else ()


def read_delimited(path: Path) -> tuple[DataFrame, tuple[str, ...]]:
    """The rows and what is unusual. Raises `DataError` naming the file and the first bad row."""
    import pandas as pd

    encoding = _encoding(path)
    try:
        header, style = _checked(path, encoding)
    except UnicodeDecodeError as error:
        raise DataError(_undecodable(path)) from error
    try:  # by pandas' C parser
        frame = pd.read_csv(
            path,
            sep=style.separator,
            decimal=style.decimal,
            index_col=False,
            encoding=encoding,
            low_memory=False,
            skip_blank_lines=True,
        )
    except (ValueError, OSError, pd.errors.ParserError) as error:
        raise DataError(f"{path} cannot be read as a table ({error}).") from error
    frame.columns = pd.Index(header)
    return frame, style.told(path)


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _encoding(path: Path) -> str:
    """UTF-8, or the UTF-16 that Excel calls Unicode text, which begins with a mark."""
    try:
        with _opened(path) as file:
            return "utf-16" if file.read(2) in _UTF16 else "utf-8-sig"
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error


def _checked(path: Path, encoding: str) -> tuple[list[str], Style]:
    """The header's names and the style; raises `DataError` naming the file and a ragged row."""
    opened = gzip.open if path.name.endswith(".gz") else open
    row = 1
    try:
        with _long_values(), opened(path, "rt", encoding=encoding, newline="") as file:
            separator = _separator(path, file.readline())
            file.seek(0)
            lines = csv.reader(file, delimiter=separator, strict=True)
            header = next(lines, [])
            _check_header(path, header)
            sample: list[str] = []
            for values in lines:
                row = lines.line_num
                if values and len(values) != len(header):
                    raise DataError(_ragged(path, row, (len(values), len(header)), separator))
                if len(sample) < _SAMPLE * len(header):
                    sample += values
    except (csv.Error, OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path} cannot be read after row {row} ({error}); save it as UTF-8 CSV."
        ) from error
    decimal = "," if separator != "," and _commas(sample) else "."
    return header, Style(separator, decimal, encoding)


@contextmanager
def _long_values() -> Iterator[None]:
    """Documents as values: the csv module's limit of 131,072 characters is one of the process, and
    is put back."""
    before = csv.field_size_limit(_LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _promised(path: Path) -> str:
    return "\t" if ".tsv" in path.name.lower() else ","


def _separator(path: Path, header: str) -> str:
    """The one that the file's name promises, unless only another one splits the header."""
    promised = _promised(path)
    counts = {s: len(next(csv.reader([header], delimiter=s), [])) for s in (promised, *OTHERS)}
    return promised if counts[promised] > 1 else max(counts, key=lambda s: counts[s])


def _commas(sample: list[str]) -> bool:
    """Whether 2,5 stands for two and a half, here and not elsewhere in the sample."""
    found = {sign for text in sample for sign in re.findall(r"^\s*[-+]?\d+([,.])\d+\s*$", text)}
    return found == {","}


def _ragged(path: Path, row: int, sizes: tuple[int, int], separator: str) -> str:
    return (
        f"{path} row {row} has {sizes[0]} values, but the header has {sizes[1]} columns; quote "
        f"values that hold the separator {separator!r}, or mend the row."
    )


def _check_header(path: Path, header: list[str]) -> None:
    if not header:
        raise DataError(f"{path} is empty; expected a header row and rows of values.")
    twice = [n for n in header if header.count(n) > 1]
    if twice:
        raise DataError(f"{path} row 1 names the column {twice[0]!r} twice; rename one of them.")


def _undecodable(path: Path) -> str:
    """The first row whose bytes are not UTF-8."""
    with _opened(path) as file:
        for row, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return (
                    f"{path} row {row} is not UTF-8 text (byte {line[error.start]:#x}, after "
                    f"{line[: error.start].decode()[-20:]!r}); save the file as UTF-8."
                )
    return f"{path} is not text in UTF-8; save it as UTF-8 CSV."
