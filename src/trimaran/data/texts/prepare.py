"""Texts as material: the tokenizer and the length are fitted on the training texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.fields import as_texts as as_words
from trimaran.data.material import Material, usable
from trimaran.data.preprocess import INPUT, OUTPUT, Field
from trimaran.data.raw import RawTexts
from trimaran.data.settings import DataSettings
from trimaran.data.texts.field import END, START, PaddedText, as_texts
from trimaran.data.texts.vocabulary import train
from trimaran.data.texts.which_end import telling_end

LONGEST = 512  # tokens; a longer row costs more time than its last part says
_KEEP = {True: END, False: START}
_COVERED = 0.9  # of the training texts fit into a row, if that is not longer


def from_texts(raw: RawTexts, settings: DataSettings) -> Material:
    """The material; raises `DataError` naming the row of what is no text."""
    allowed, told = _with_text(raw, settings)
    kind = "words" if settings.tokens == "auto" else settings.tokens
    texts = raw.texts
    known: dict[int, np.ndarray] = {}  # the training texts' tokens: encoding them takes a while

    def fit(rows: np.ndarray) -> Field:
        chosen = texts[rows].tolist()
        tokenizer = train(kind, chosen, settings.vocabulary)
        found = tokenizer.encode_all(chosen)
        known.update(zip(rows.tolist(), found, strict=True))
        length = settings.length or covering([len(tokens) for tokens in found])
        keep = None if settings.keep_end is None else _KEEP[settings.keep_end]
        keep = keep or telling_end(found, raw.labels[rows], length, tokenizer.size)
        return PaddedText(tokenizer, length, keep, raw.column)

    def fetch(
        field: Field, positions: np.ndarray, targets: np.ndarray, weights: np.ndarray | None
    ) -> Rows:
        assert isinstance(field, PaddedText)
        new = [k for k in positions.tolist() if k not in known]
        found = known | dict(zip(new, field.tokenizer.encode_all(texts[new].tolist()), strict=True))
        tokens = field.padded([found[k] for k in positions.tolist()])
        lengths = {INPUT: (tokens != 0).sum(axis=1)}
        return Rows({INPUT: tokens}, {OUTPUT: targets}, weights, positions, lengths=lengths)

    return Material(
        name=raw.name,
        labels=raw.labels,
        fit=fit,
        fetch=fetch,
        allowed=allowed,
        classes=raw.classes,
        parts=raw.parts,
        fixed=raw.fixed,
        groups=None if raw.groups is None else as_words(raw.groups),
        row=raw.row,
        content=texts,
        facts=raw.facts,
        notices=(*raw.notices, *told),
    )


def covering(lengths: Sequence[int]) -> int:
    """Tokens of a row: as many as nine of ten training texts have, at most `LONGEST`."""
    return int(min(max(np.quantile(lengths, _COVERED), 1), LONGEST))


def _with_text(raw: RawTexts, settings: DataSettings) -> tuple[np.ndarray, tuple[str, ...]]:
    """Positions of rows with a text and a target; what is told of the others."""
    allowed, told = usable(raw.labels, settings, raw.row)
    bad = np.array([not isinstance(raw.texts[k], str) for k in allowed], bool)
    if bad.any() and settings.on_bad == "refuse":
        as_texts(raw.texts[allowed], lambda k: raw.row(int(allowed[k])))
    notes = list(told)
    if bad.any():
        first = raw.row(int(allowed[np.argmax(bad)]))
        notes.append(f"{int(bad.sum())} row(s) without a text are left out, the first: {first}.")
    kept = allowed[~bad]
    empty = [k for k in kept.tolist() if not raw.texts[k].strip()]
    if empty:
        notes.append(
            f"{len(empty)} text(s) are empty, the first: {raw.row(empty[0])}; each counts as one "
            "unknown word."
        )
    return kept, tuple(notes)
