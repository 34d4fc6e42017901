"""From text to numbers and back: a tokenizer, fitted on the training text, saved with the run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

UNKNOWN = "[UNK]"
"""The token, number 0, that stands for whatever training never met."""
_PIECE = 1 << 14  # characters given to the library at once
_PRINTED = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(0x100) if byte not in _PRINTED]
_BYTES = {chr(b): b for b in _PRINTED} | {chr(0x100 + n): b for n, b in enumerate(_OTHERS)}
"""The letter that stands for each byte where tokens are bytes (Radford et al. 2019, GPT-2)."""


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer of the `tokenizers` library, by its own JSON.

    kind: what a token is: "characters", "words", "bpe", "wordpiece", "bytes"
    padded: number 0 is padding and the unknown token number 1, for rows of unequal length
    """

    kind: str
    text: str
    padded: bool = False

    @cached_property
    def _own(self) -> Any:
        from tokenizers import Tokenizer as Own

        return Own.from_str(self.text)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The tokens by their numbers."""
        numbers: dict[str, int] = self._own.get_vocab()
        return tuple(sorted(numbers, key=numbers.__getitem__))

    @property
    def size(self) -> int:
        """How many tokens there are, the unknown one among them."""
        return len(self.names)

    def encode(self, text: str) -> np.ndarray:
        """The text's tokens as (n,) int32."""
        found = [self._own.encode(piece).ids for piece in _pieces(text)]
        return np.array([number for ids in found for number in ids], np.int32)

    def encode_all(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The tokens of each text as (n,) int32."""
        found = self._own.encode_batch_fast(list(texts))  # without places in the text
        return [np.array(own.ids, np.int32) for own in found]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of these tokens; an unknown one is the replacement character."""
        return "".join("\ufffd" if n == 0 else self.names[n] for n in numbers)

    def readable(self, numbers: Sequence[int]) -> list[str]:
        """The text of each token; a character of several bytes stands with its first one, and
        nothing with its others."""
        names = [self.names[number] for number in numbers]
        return _characters(names) if self.kind == "bytes" else names

    def to_json(self) -> dict[str, Any]:
        own = {"padded": True} if self.padded else {}
        return {"kind": self.kind, **own, "tokenizer": json.loads(self.text)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Tokenizer:
        text = json.dumps(value["tokenizer"], ensure_ascii=False)
        return cls(value["kind"], text, value.get("padded", False))


def characters(text: str) -> Tokenizer:
    """One token for each different character of the text, in their order."""
    from tokenizers import Regex, models, pre_tokenizers
    from tokenizers import Tokenizer as Own

    numbers = {token: i for i, token in enumerate([UNKNOWN, *sorted(set(text))])}
    own = Own(models.WordLevel(numbers, unk_token=UNKNOWN))
    own.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return Tokenizer("characters", json.dumps(json.loads(own.to_str()), ensure_ascii=False))


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]


def _characters(names: Sequence[str]) -> list[str]:
    """Characters of UTF-8 for tokens that are bytes; a cut one is the replacement character."""
    found: list[str] = []
    while len(found) < len(names):
        rest = names[len(found) :]
        first = _BYTES.get(rest[0])
        if first is None:  # padding, or the unknown token
            found.append(rest[0])
            continue
        length = 1 + sum(first >= least for least in (0xC0, 0xE0, 0xF0))
        own = bytes(_BYTES.get(name, 0) for name in rest[:length])
        found += [own.decode(errors="replace"), *[""] * (len(own) - 1)]
    return found
