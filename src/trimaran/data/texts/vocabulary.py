"""Tokenizers of several kinds, trained on the training texts by the `tokenizers` library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from trimaran.data.tokens import UNKNOWN, Tokenizer
from trimaran.errors import DataError

PADDING = "[PAD]"
"""The token, number 0, that stands behind the last one of a row; the unknown one is number 1."""
KINDS = ("words", "bpe", "wordpiece", "characters", "bytes")
_SPECIAL = [PADDING, UNKNOWN]
NUMBERS = {token: number for number, token in enumerate(_SPECIAL)}
_SEEN = 2  # a word that training meets once teaches nothing


def train(kind: str, texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most `size` tokens, padding and the unknown among them.

    kind: "words" (runs of letters and digits, or of other signs), "bpe" (Sennrich et al. 2016),
        "wordpiece" (Schuster and Nakajima 2012) or "characters", all of lower case; or "bytes" (of
        UTF-8, 256 of them, whatever `size` is)
    Raises `DataError` where the texts hold nothing to learn from.
    """
    own = _bytes() if kind == "bytes" else _trained(kind, _clean(texts), size)
    if own.get_vocab_size() <= len(_SPECIAL):
        raise DataError("The training texts hold no word twice; give more texts, or another kind.")
    return Tokenizer(kind, json.dumps(json.loads(own.to_str()), ensure_ascii=False), padded=True)


def told_tokens(kind: str) -> str:
    """How texts become numbers, as a clause."""
    if kind == "bytes":
        return "Its texts are read byte by byte"
    named = {"bpe": "parts of words", "wordpiece": "parts of words", "characters": "characters"}
    return f"Its {named.get(kind, 'words')} are numbered by the training texts"


def _clean(texts: Iterable[str]) -> Iterator[str]:
    return (text for text in texts if text.strip())


def _base(model: Any) -> Any:
    """A tokenizer of that model: marks of line breaks become spaces, letters lower case."""
    from tokenizers import Tokenizer as Own
    from tokenizers import normalizers

    own = Own(model)
    breaks = normalizers.Replace("<br />", " ")
    own.normalizer = normalizers.Sequence([breaks, normalizers.NFKC(), normalizers.Lowercase()])
    return own


def _trained(kind: str, texts: Iterator[str], size: int) -> Any:
    from tokenizers import Regex, models, pre_tokenizers, trainers

    model, trainer = {
        "words": (models.WordLevel, trainers.WordLevelTrainer),
        "bpe": (models.BPE, trainers.BpeTrainer),
        "wordpiece": (models.WordPiece, trainers.WordPieceTrainer),
        "characters": (models.WordLevel, trainers.WordLevelTrainer),
    }[kind]
    letters = kind == "characters"
    own = _base(model(unk_token=UNKNOWN))
    each = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    own.pre_tokenizer = each if letters else pre_tokenizers.Whitespace()
    how = trainer(
        vocab_size=size,
        min_frequency=1 if letters else _SEEN,
        special_tokens=_SPECIAL,
        show_progress=False,
    )
    own.train_from_iterator(texts, how)
    return own


def _bytes() -> Any:
    """Every byte of UTF-8 is a token, so nothing is unknown and nothing is trained."""
    from tokenizers import Tokenizer as Own
    from tokenizers import models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = {token: i for i, token in enumerate([*_SPECIAL, *alphabet])}
    own = Own(models.BPE(numbers, [], unk_token=UNKNOWN))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return own
