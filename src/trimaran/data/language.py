"""One long text as rows for a language model: windows of tokens, each to predict the one after it.

The text is split in its order: the last part tests, the part before it validates. The tokenizer is
fitted on what is left, the training text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.facts import digest
from trimaran.data.prepared import Output, Prepared
from trimaran.data.preprocess import INPUT, OUTPUT, Preprocess
from trimaran.data.settings import DataSettings
from trimaran.data.splits import TEST, TRAIN, VALIDATION
from trimaran.data.targets import Tokens
from trimaran.data.textfield import TextField
from trimaran.data.tokens import Tokenizer, characters
from trimaran.errors import DataError, RecipeError

LENGTH = 128


@dataclass(frozen=True)
class RawText:
    """One long text as it was found."""

    name: str
    text: str
    facts: Mapping[str, Any]


def prepare_text(raw: RawText, settings: DataSettings, test: float) -> Prepared:
    """Windows of the text's tokens in splits; see the module.

    test: the fraction at the end that tests.
    """
    if settings.tokens not in ("auto", "characters"):
        raise RecipeError(
            f"data.tokens is {settings.tokens!r}, but a text is continued by its characters; leave "
            "it out."
        )
    length = settings.length or LENGTH
    if settings.context >= length:
        raise RecipeError(
            f"data.context is {settings.context}, but a row has {length} tokens (data.length), so "
            "that none would be scored; lower it."
        )
    parts = _parts(raw, settings, test)
    tokenizer = characters(parts[TRAIN])
    field = TextField(tokenizer, length)
    tokens = {name: tokenizer.encode(part) for name, part in parts.items()}
    splits = {
        name: windows(found, field, settings.stride if name == TRAIN else length - settings.context)
        for name, found in tokens.items()
    }
    target = Tokens(tokenizer.size, tokenizer.kind, settings.context)
    return Prepared(
        name=raw.name,
        task="language",
        splits=splits,
        inputs={INPUT: (length,)},
        outputs={OUTPUT: Output.of(target)},
        preprocess=Preprocess({INPUT: field}, {OUTPUT: target}),
        facts={**raw.facts, **_facts(parts, tokens, splits, tokenizer)},
        notices=(*_reading(settings.context), *_notices(tokens)),
    )


def windows(tokens: np.ndarray, field: TextField, stride: int | None = None) -> Rows:
    """Each `stride` tokens a window of the field's length, with the tokens after each of its own as
    its targets. Without a stride the windows stand side by side, and what is left over at the end
    is less than one.

    Raises `DataError` where the text is shorter than a window.
    """
    if len(tokens) <= field.length:
        raise DataError(
            f"The text has {len(tokens)} tokens, but a window takes {field.length} and the one "
            "after it; give more text, or a smaller data.length."
        )
    found = np.lib.stride_tricks.sliding_window_view(tokens, field.length + 1)
    found = found[:: stride or field.length]
    inputs, after = np.array(found[:, :-1]), found[:, 1:].astype(np.int64)
    return Rows({INPUT: inputs}, {OUTPUT: after}, None, np.arange(len(found)))


def _parts(raw: RawText, settings: DataSettings, test: float) -> dict[str, str]:
    """Split name → its text, in the text's order."""
    size = len(raw.text)
    tested = round(size * test)
    validated = round((size - tested) * settings.validation)
    ends = {TRAIN: size - tested - validated, VALIDATION: size - tested, TEST: size}
    starts = dict(zip(ends, [0, *ends.values()], strict=False))
    parts = {name: raw.text[starts[name] : end] for name, end in ends.items()}
    if not parts[TRAIN]:
        raise DataError(f"{raw.name} has no text left to train on; lower data.test.")
    return {name: part for name, part in parts.items() if part}


def _facts(
    parts: Mapping[str, str],
    tokens: Mapping[str, np.ndarray],
    splits: Mapping[str, Rows],
    tokenizer: Tokenizer,
) -> dict[str, Any]:
    return {
        "rows": {name: len(rows) for name, rows in splits.items()},
        "characters": {name: len(part) for name, part in parts.items()},
        "tokens": {name: len(found) for name, found in tokens.items()},
        "tokenizer": f"{tokenizer.kind}, {tokenizer.size} of them",
        "digest": digest(splits),
    }


def _reading(context: int) -> tuple[str, ...]:
    """What is said of scores that begin in the middle of a row."""
    if not context:
        return ()
    return (
        f"What is scored follows at least {context} tokens of its row; the first {context} of the "
        "validation and the test text are read alone.",
    )


def _notices(tokens: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """What stands for tokens that training never met."""
    unknown = {name: int((found == 0).sum()) for name, found in tokens.items()}
    return tuple(
        f"{count} of {len(tokens[name]):,} tokens of {name} never occur in the training text; they "
        "count as unknown."
        for name, count in unknown.items()
        if count
    )
