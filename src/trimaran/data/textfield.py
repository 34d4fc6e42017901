"""A text as a model's input: its tokens in windows of one length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.data.tokens import Tokenizer
from trimaran.errors import DataError


@dataclass(frozen=True)
class TextField:
    """Tokens (length,) of a text."""

    tokenizer: Tokenizer
    length: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    def apply(self, raw: Any) -> np.ndarray:
        """(N, n) int32 tokens of N texts of equal length.

        Raises `DataError` for what is no text.
        """
        texts = [raw] if isinstance(raw, str) else list(raw)
        if not texts or not all(isinstance(text, str) and text for text in texts):
            raise DataError("This run reads text; give some, and none that is empty.")
        found = [self.tokenizer.encode(text) for text in texts]
        if len({len(tokens) for tokens in found}) > 1:
            raise DataError("Texts that are read together need equally many tokens.")
        return np.stack(found)

    def to_json(self) -> dict[str, Any]:
        return {"kind": "text", "length": self.length, "tokens": self.tokenizer.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TextField:
        return cls(Tokenizer.from_json(value["tokens"]), value["length"])
