"""One long text as windows of tokens: order, targets, what is unknown, bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from trimaran.data.language import RawText, prepare_text, windows
from trimaran.data.prepare import prepare
from trimaran.data.preprocess import Preprocess
from trimaran.data.settings import DataSettings
from trimaran.data.textfield import TextField
from trimaran.data.tokens import characters
from trimaran.errors import DataError, RecipeError

TEXT = "To be, or not to be: that is the question.\n" * 20


def settings(**changes: object) -> DataSettings:
    return DataSettings(path="text.txt", length=8, **changes)  # type: ignore[arg-type]


def test_each_token_is_to_predict_the_one_after_it():
    field = TextField(characters(TEXT), 8)
    rows = windows(field.tokenizer.encode(TEXT), field)
    joined = np.concatenate(rows.inputs["input"]).tolist()
    assert field.tokenizer.decode(joined) == TEXT[: len(joined)]
    assert (rows.targets["output"][:, :-1] == rows.inputs["input"][:, 1:]).all()
    assert field.tokenizer.decode(rows.targets["output"][0].tolist()) == TEXT[1:9]


def test_a_stride_lets_windows_overlap():
    field = TextField(characters(TEXT), 8)
    tokens = field.tokenizer.encode(TEXT)
    rows = windows(tokens, field, 3)
    assert (rows.inputs["input"][5] == tokens[15:23]).all()
    assert len(rows) == (len(tokens) - 9) // 3 + 1


def test_with_a_context_each_token_after_it_is_scored_once():
    found = prepare_text(RawText("text", TEXT, {}), settings(context=3, stride=2), 0.5)
    tested = found.splits["test"]
    tokenizer = found.preprocess.inputs["input"].tokenizer
    scored = np.concatenate(tested.targets["output"][:, 3:]).tolist()
    assert tokenizer.decode(scored) == TEXT[-(len(TEXT) // 2) :][4 : 4 + len(scored)]
    trained = found.splits["train"].inputs["input"]
    assert (trained[0, 2:] == trained[1, :-2]).all()
    assert any("at least 3 tokens" in notice for notice in found.notices)


def test_a_context_of_whole_rows_is_refused():
    with pytest.raises(RecipeError, match="data.context is 8, but a row has 8 tokens"):
        prepare_text(RawText("text", TEXT, {}), settings(context=8), 0.1)
    with pytest.raises(RecipeError, match="data.context is -1"):
        settings(context=-1)


def test_the_end_tests_and_what_stands_before_it_validates():
    found = prepare_text(RawText("text", TEXT, {}), settings(validation=0.25), 0.1)
    cut = round(len(TEXT) * 0.1)
    assert found.facts["characters"]["test"] == cut
    assert found.facts["characters"]["validation"] == round((len(TEXT) - cut) * 0.25)
    first = found.splits["test"].inputs["input"][0].tolist()
    tokenizer = found.preprocess.inputs["input"].tokenizer
    assert tokenizer.decode(first) == TEXT[-cut:][:8]


def test_what_only_the_held_out_text_holds_is_unknown_and_told():
    """The leakage that a vocabulary of the whole text would be."""
    raw = RawText("text", TEXT + "é" * 40, {})
    found = prepare_text(raw, settings(validation=0.2), 0.1)
    assert "é" not in found.preprocess.inputs["input"].tokenizer.names
    assert "40 of" in found.notices[0] and "never occur in the training text" in found.notices[0]
    assert (found.splits["test"].inputs["input"] == 0).any()
    assert not (found.splits["train"].inputs["input"] == 0).any()


def test_the_tokenizer_is_saved_whole():
    found = prepare_text(RawText("text", TEXT, {}), settings(), 0.1)
    text = json.dumps(found.preprocess.to_json())
    assert Preprocess.from_json(json.loads(text)) == found.preprocess


@pytest.mark.parametrize("text", ["", "\n\t ü", "a\r\nb", "\U0001f600x"])
def test_text_returns_as_it_was(text: str):
    tokenizer = characters(text + "ab")
    assert tokenizer.decode(tokenizer.encode(text).tolist()) == text


def test_long_texts_are_read_in_pieces_without_a_seam():
    text = "abc" * 20_000
    tokenizer = characters(text)
    assert len(tokenizer.encode(text)) == len(text)
    assert tokenizer.decode(tokenizer.encode(text).tolist()) == text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"caf\xe9 " * 50, r"not UTF-8: byte 3 is 0xe9; .*iconv.* \S+/play.txt > play-utf8.txt"),
        (b" \n", "is empty; give a text"),
        (b"short", r"has \d tokens, but a window takes 128"),
    ],
)
def test_bad_files_are_told(tmp_path: Path, content: bytes, told: str):
    path = tmp_path / "play.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        prepare(DataSettings(path=str(path)), 0)


def test_a_byte_order_mark_is_no_letter(tmp_path: Path):
    path = tmp_path / "play.txt"
    path.write_bytes("\ufeff".encode() + TEXT.encode())
    found = prepare(DataSettings(path=str(path), length=8), 0)
    assert "\ufeff" not in found.preprocess.inputs["input"].tokenizer.names


def test_a_text_is_no_table_and_a_table_no_text(tmp_path: Path):
    path = tmp_path / "play.txt"
    path.write_text(TEXT)
    with pytest.raises(RecipeError, match="its task is language"):
        prepare(DataSettings(path=str(path), task="classify"), 0)
    with pytest.raises(RecipeError, match="takes one long text"):
        prepare(DataSettings(set="iris", target="target", task="language"), 0)
