"""Texts as rows: what a tokenizer may know, how rows are cut and padded, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from trimaran.data.prepare import prepare
from trimaran.data.prepared import Prepared
from trimaran.data.preprocess import Preprocess
from trimaran.data.settings import DataSettings
from trimaran.data.texts.field import PaddedText
from trimaran.data.texts.prepare import covering
from trimaran.data.texts.vocabulary import KINDS, train
from trimaran.data.texts.which_end import telling_end
from trimaran.errors import DataError

GOOD, BAD = "a fine and lovely film number", "a dull and dreary film number"


def rows(count: int = 40) -> pl.DataFrame:
    """Reviews whose one telling word says the label."""
    texts = [f"{GOOD if k % 2 else BAD} {k % 30}" for k in range(count)]
    labels = ["good" if k % 2 else "bad" for k in range(count)]
    parts = ["train", "train", "validation", "test"] * (count // 4)
    return pl.DataFrame({"review": texts, "label": labels, "part": parts})


def prepared(frame: pl.DataFrame, folder: Path, **settings: Any) -> Prepared:
    path = folder / "reviews.csv"
    frame.write_csv(path)
    given = {"path": str(path), "text": "review", "target": "label", "split_column": "part"}
    return prepare(DataSettings(**{**given, **settings}), seed=0)


def field_of(found: Prepared) -> PaddedText:
    field = found.preprocess.inputs["input"]
    assert isinstance(field, PaddedText)
    return field


def test_rows_are_padded_behind_and_come_back_as_words(tmp_path: Path) -> None:
    found = prepared(rows(), tmp_path, length=10)
    tokens = found.splits["train"].inputs["input"]
    assert tokens.dtype == np.int32 and tokens.shape == (20, 10)
    assert (tokens[:, :7] > 0).all() and not tokens[:, 7:].any()
    assert found.splits["train"].lengths["input"].tolist() == [7] * 20
    assert field_of(found).words(tokens[0])[:4] == ["a", "dull", "and", "dreary"]
    assert found.outputs["output"].classes == ("bad", "good")


def test_the_tokenizer_knows_the_training_texts_alone(tmp_path: Path) -> None:
    """The leakage that a vocabulary of all rows would be: words of the test rows are unknown."""
    frame = rows().with_columns(
        pl.when(pl.col("part") == "test").then(pl.lit("hapax hapax hapax hapax " + GOOD))
        .otherwise(pl.col("review")).alias("review")
    )  # fmt: skip
    found = prepared(frame, tmp_path, length=12)
    assert "hapax" not in field_of(found).tokenizer.names
    assert (found.splits["test"].inputs["input"][:, :4] == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_token_survives_its_file(kind: str) -> None:
    texts = [GOOD, BAD, "über café, isn't it?"] * 3
    tokenizer = train(kind, texts, 300)
    field = PaddedText(tokenizer, 60)
    again = PaddedText.from_json(field.to_json())
    assert (again.apply(texts) == field.apply(texts)).all()
    assert tokenizer.names[:2] == ("[PAD]", "[UNK]") and tokenizer.size <= 300
    assert (field.apply(texts) != 1).all()  # nothing of training is unknown
    assert Preprocess({"input": field}, {}).from_json(
        Preprocess({"input": field}, {}).to_json()
    ).inputs == {"input": field}  # fmt: skip


def test_bytes_know_every_text() -> None:
    field = PaddedText(train("bytes", [GOOD], 2), 20)
    assert (field.apply(["\u4e16\u754c \U0001f600"]) != 1).all()


def test_bytes_are_read_as_the_characters_they_stand_for() -> None:
    text = "naïve \u4e16\U0001f600\n\x00"
    field = PaddedText(train("bytes", [GOOD], 2), 40)
    shown = field.words(field.apply([text])[0])
    assert "".join(shown) == text and len(shown) == len(text.encode())
    assert shown[2:4] == ["ï", ""] and shown[7:10] == ["\u4e16", "", ""]
    assert PaddedText(field.tokenizer, 3).words(field.apply([text])[0, :3])[2] == "\ufffd"


def test_words_are_counted_and_the_rare_left_out() -> None:
    texts = ["one two two three three three"] * 2 + ["once"]
    assert train("words", texts, 20_000).names == ("[PAD]", "[UNK]", "three", "two", "one")
    assert train("words", texts, 4).names == ("[PAD]", "[UNK]", "three", "two")


def test_the_length_covers_nine_of_ten_and_is_bounded() -> None:
    assert covering(list(range(1, 101))) == 90
    assert covering([10_000] * 5) == 512


def test_longer_texts_keep_the_end_that_says_more() -> None:
    """Planted: the label stands at the end, then at the start."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 600)
    noise = rng.integers(10, 50, (600, 30))
    at_end = [np.append(own, 2 + label) for own, label in zip(noise, labels, strict=True)]
    at_start = [np.append(2 + label, own) for own, label in zip(noise, labels, strict=True)]
    assert telling_end(at_end, labels, 10, 50) == "end"
    assert telling_end(at_start, labels, 10, 50) == "start"
    assert telling_end(at_end[:100], labels[:100], 10, 50) == "start"  # too few to tell
    field = PaddedText(train("words", [GOOD] * 2, 99), 3, keep="end")
    assert field.words(field.apply([GOOD])[0]) == ["lovely", "film", "number"]


def test_equal_texts_across_splits_are_told_by_their_text(tmp_path: Path) -> None:
    """Two rows of unknown words have equal tokens, but are no duplicates."""
    frame = pl.DataFrame({
        "review": ["some words to learn here"] * 2 + ["strange unseen novelties appear"]
        + ["Strange  unseen novelties appear", "other unmet oddities arise"],
        "label": ["a", "b", "a", "a", "b"],
        "part": ["train", "train", "validation", "test", "test"],
    })  # fmt: skip
    found = prepared(frame, tmp_path, length=6)
    (crossing,) = [c for c in found.facts["duplicates"] if c["first"] == "validation"]
    assert (crossing["second"], crossing["rows"]) == ("test", 1)


def test_an_empty_text_counts_as_one_unknown_word_and_is_told(tmp_path: Path) -> None:
    frame = rows()
    frame[2, "review"] = "   "
    found = prepared(frame, tmp_path)
    assert any("1 text(s) are empty" in notice and "row 4" in notice for notice in found.notices)
    assert found.splits["validation"].inputs["input"][0, :2].tolist() == [1, 0]


def test_a_missing_text_is_refused_with_its_row_or_left_out(tmp_path: Path) -> None:
    frame = rows()
    frame[5, "review"] = None
    with pytest.raises(DataError, match=r"reviews\.csv row 7: the text is missing"):
        prepared(frame, tmp_path)
    found = prepared(frame, tmp_path, on_bad="drop")
    assert sum(len(part) for part in found.splits.values()) == 39
    assert any("without a text are left out" in notice for notice in found.notices)


def test_what_is_no_text_is_refused() -> None:
    field = PaddedText(train("words", [GOOD] * 2, 99), 5)
    with pytest.raises(DataError, match="row 1: the text is 3, which is no text"):
        field.apply(["fine", 3])
    with pytest.raises(DataError, match="no text; give at least one"):
        field.apply([])


def test_a_column_of_sentences_is_found_and_one_of_names_is_not(tmp_path: Path) -> None:
    found = prepared(rows().drop("part"), tmp_path, text=None, split_column=None)
    assert isinstance(found.preprocess.inputs["input"], PaddedText)
    names = pl.DataFrame({"colour": ["red", "blue"] * 20, "size": list(range(40)),
                          "label": ["a", "b"] * 20})  # fmt: skip
    names.write_csv(tmp_path / "names.csv")
    table = prepare(DataSettings(path=str(tmp_path / "names.csv"), target="label"), seed=0)
    assert not isinstance(table.preprocess.inputs["input"], PaddedText)


def test_a_folder_for_each_class_under_its_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label, text in (("pos", GOOD), ("neg", BAD)):
            (tmp_path / split / label).mkdir(parents=True)
            for k in range(6):
                (tmp_path / split / label / f"{k}.txt").write_text(f"{text} {k}")
    found = prepare(DataSettings(path=str(tmp_path), validation=0.25), seed=0)
    assert {name: len(part) for name, part in found.splits.items()} == {
        "train": 9, "validation": 3, "test": 12,
    }  # fmt: skip
    (tmp_path / "train" / "pos" / "0.txt").write_bytes(b"caf\xe9")
    with pytest.raises(DataError, match=r"0\.txt is not UTF-8: byte 3 is 0xe9"):
        prepare(DataSettings(path=str(tmp_path)), seed=0)


@pytest.mark.parametrize(
    ("name", "parts", "classes"),
    [
        ("sst2", {"train": 6920, "validation": 872, "test": 1821}, 2),
        ("trec-questions", {"train": 5444, "test": 499}, 6),
        ("bbc-news", {"train": 2225}, 5),
        ("ag-news-test", {"train": 7600}, 4),
    ],
)
def test_named_sets(
    name: str,
    parts: dict[str, int],
    classes: int,
    data_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their sizes as their papers and READMEs tell them."""
    monkeypatch.setenv("TRIMARAN_DATA", str(data_root))
    settings = DataSettings(set=name, validation=0.0, test=0.0 if "test" not in parts else None)
    found = prepare(settings, seed=0)
    assert {k: len(v) for k, v in found.splits.items()} == parts
    assert len(found.outputs["output"].classes) == classes
