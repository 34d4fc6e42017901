"""Texts of unequal length as a model's input: tokens, cut to a length and padded behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.data.targets import RowName, plain_row
from trimaran.data.tokens import Tokenizer
from trimaran.errors import DataError

START, END = "start", "end"
UNKNOWN_TOKEN = 1


@dataclass(frozen=True)
class PaddedText:
    """Tokens (length,) of a text, 0 behind its last one.

    keep:   which part of a longer text is kept, its "start" or its "end"
    column: what the column of a table is called that holds the texts
    """

    tokenizer: Tokenizer
    length: int
    keep: str = START
    column: str = "text"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    def apply(self, raw: Any, row: RowName = plain_row) -> np.ndarray:
        """(N, length) int32 tokens of N texts, or of one; a text without a token is unknown.

        Raises `DataError` for what is no text; the text names the row.
        """
        return self.padded(self.tokenizer.encode_all(as_texts(raw, row)))

    def padded(self, found: Sequence[np.ndarray]) -> np.ndarray:
        """Rows of tokens, cut and padded to (N, length)."""
        rows = np.zeros((len(found), self.length), np.int32)
        for row, tokens in zip(rows, found, strict=True):
            kept = self.cut(tokens)
            row[: len(kept)] = kept
        rows[(rows == 0).all(axis=1), 0] = UNKNOWN_TOKEN
        return rows

    def cut(self, tokens: np.ndarray) -> np.ndarray:
        """What is kept of a text's tokens."""
        return tokens[: self.length] if self.keep == START else tokens[-self.length :]

    def words(self, row: np.ndarray) -> list[str]:
        """The tokens of a row, as people read them, without the padding."""
        return self.tokenizer.readable(row[row != 0].tolist())

    @property
    def between(self) -> str:
        """What stands between two of them where they are read as a text."""
        return "" if self.tokenizer.kind in ("characters", "bytes") else " "

    def to_json(self) -> dict[str, Any]:
        own = {"length": self.length, "keep": self.keep, "column": self.column}
        return {"kind": "texts", **own, "tokens": self.tokenizer.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> PaddedText:
        tokenizer = Tokenizer.from_json(value["tokens"])
        return cls(tokenizer, value["length"], value["keep"], value["column"])


def as_texts(raw: Any, row: RowName = plain_row) -> list[str]:
    """The texts of a column, of a list, or one text. Raises `DataError` naming what is none."""
    given = [raw] if isinstance(raw, str) else list(raw)
    for position, text in enumerate(given):
        if not isinstance(text, str):
            is_ = "is missing" if text is None or text != text else f"is {text!r}, which is no text"
            raise DataError(
                f"{row(position)}: the text {is_}; give a text in every row, or leave the row out."
            )
    if not given:
        raise DataError("There is no text; give at least one.")
    return given
