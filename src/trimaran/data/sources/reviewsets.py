"""The named sets of texts with labels: a literal table, and how each one's files are read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.raw import RawTexts
from trimaran.data.sources.archive import opened
from trimaran.data.sources.download import Pinned, Progress
from trimaran.data.sources.named import NamedSet, locate
from trimaran.data.sources.reviews import objects
from trimaran.data.sources.table import read_table
from trimaran.data.sources.textfolder import list_texts
from trimaran.data.splits import TEST, TRAIN, VALIDATION

Part = tuple[list[str], list[Any]]
"""Texts and labels."""


@dataclass(frozen=True)
class ReviewSet:
    """A named set: where it is, and how its files are read: part -> texts and labels."""

    entry: NamedSet
    read: Callable[[Sequence[Path]], dict[str, Part]]


def load_reviews(name: str, progress: Progress | None) -> RawTexts:
    """A named set, with its official splits where it has some. Raises `DataError`."""
    chosen = REVIEWS[name]
    found = locate(chosen.entry, progress)
    parts = chosen.read(found.paths)
    facts = found.facts(chosen.entry)
    texts = [text for own, _ in parts.values() for text in own]
    labels = np.array([label for _, own in parts.values() for label in own])
    positions = _positions(parts)
    return RawTexts(name, objects(texts), labels, chosen.entry.classes, positions, facts=facts)


def _positions(parts: Mapping[str, Part]) -> dict[str, np.ndarray] | None:
    if len(parts) == 1:
        return None
    found, start = {}, 0
    for name, (texts, _) in parts.items():
        found[name] = np.arange(start, start + len(texts))
        start += len(texts)
    return found


def _imdb(paths: Sequence[Path]) -> dict[str, Part]:
    """The public archive, a file for each review; or a table for each part."""
    if not paths[0].name.endswith(".tar.gz"):
        return {part: _columns(path) for part, path in zip((TRAIN, TEST), paths, strict=True)}
    listing = list_texts(opened(paths[0]), leave=("unsup",))
    where, labels = np.array(listing.splits), (listing.labels == "pos").astype(int)
    rows = {part: np.flatnonzero(where == part) for part in (TRAIN, TEST)}
    return {p: ([listing.texts[k] for k in at], labels[at].tolist()) for p, at in rows.items()}


def _bbc(paths: Sequence[Path]) -> dict[str, Part]:
    """The public archive, a file for each article; or a table."""
    if paths[0].suffix == ".zip":
        listing = list_texts(opened(paths[0]))
        return {TRAIN: (list(listing.texts), listing.labels.tolist())}
    return {TRAIN: _columns(paths[0])}


def _columns(path: Path) -> Part:
    table = read_table(path)
    labels = table.columns["label"]
    whole = labels.dtype.kind == "f"
    return table.columns["text"].tolist(), (labels.astype(int) if whole else labels).tolist()


def _sst2(paths: Sequence[Path]) -> dict[str, Part]:
    """A sentence and its label a line, with a tab between."""
    parts = zip((TRAIN, VALIDATION, TEST), paths, strict=True)
    rows = {part: [line.rpartition("\t") for line in _lines(path)] for part, path in parts}
    return {part: ([r[0] for r in own], [int(r[2]) for r in own]) for part, own in rows.items()}


def _trec(paths: Sequence[Path]) -> dict[str, Part]:
    """`COARSE:fine question` a line; the coarse class is the label."""
    parts = zip((TRAIN, TEST), paths, strict=True)
    rows = {part: [line.partition(" ") for line in _lines(path)] for part, path in parts}
    return {
        part: ([r[2] for r in own], [r[0].partition(":")[0] for r in own])
        for part, own in rows.items()
    }


def _ag_news(paths: Sequence[Path]) -> dict[str, Part]:
    """Class, title and description of each story; whole, or its test part alone."""
    found = {}
    for part, path in zip((TRAIN, TEST), paths, strict=False):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        found[part] = ([f"{r[1]} {r[2]}" for r in rows], [int(r[0]) - 1 for r in rows])
    return found


def _lines(path: Path) -> list[str]:
    """The lines of a text; the official TREC files are not UTF-8 in one byte."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    return [line.rstrip("\r") for line in text.split("\n") if line.strip()]


_AG_NEWS = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv"
_AG_TEST = Pinned(
    "test.csv", 1857427, "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699"
)
_AG_TRAIN = Pinned(
    "train.csv", 29470338, "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e"
)


def _ag(name: str, files: tuple[Pinned, ...]) -> ReviewSet:
    entry = NamedSet(
        name=name,
        classes=("World", "Sports", "Business", "Sci/Tech"),
        files=files,
        mirrors=(_AG_NEWS,),
        origin="AG News (Zhang, Zhao and LeCun 2015)",
        licence="for research, non-commercial",
        layouts=(tuple(file.name for file in files),),
    )
    return ReviewSet(entry, _ag_news)


_SST2 = (
    "https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/"
    "457ffd83de90a9d6d472d8ffc31bbffe40a8b236/data/SST2"
)
REVIEWS = {
    "imdb": ReviewSet(
        NamedSet(
            name="imdb",
            classes=("negative", "positive"),
            files=(
                Pinned(
                    "aclImdb_v1.tar.gz",
                    84125825,
                    "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
                ),
            ),
            mirrors=("https://ai.stanford.edu/~amaas/data/sentiment",),
            origin="Large Movie Review Dataset (Maas et al. 2011)",
            licence="not stated; for research, with citation",
            layouts=(("aclImdb_v1.tar.gz",), ("train.parquet", "test.parquet")),
        ),
        _imdb,
    ),
    "sst2": ReviewSet(
        NamedSet(
            name="sst2",
            classes=("negative", "positive"),
            files=(
                Pinned(
                    "train.tsv",
                    720259,
                    "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
                ),
                Pinned(
                    "dev.tsv",
                    92057,
                    "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
                ),
                Pinned(
                    "test.tsv",
                    188749,
                    "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
                ),
            ),
            mirrors=(_SST2,),
            origin="Stanford Sentiment Treebank, two classes (Socher et al. 2013)",
            licence="not stated",
            layouts=(("train.tsv", "dev.tsv", "test.tsv"),),
        ),
        _sst2,
    ),
    "trec-questions": ReviewSet(
        NamedSet(
            name="trec-questions",
            classes=(),
            files=(
                Pinned(
                    "train_5500.label",
                    335858,
                    "9e4c8bdcaffb96ed61041bd64b564183d52793a8e91d84fc3a8646885f466ec3",
                ),
                Pinned(
                    "TREC_10.label",
                    23354,
                    "033f22c028c2bbba9ca682f68ffe204dc1aa6e1cf35dd6207f2d4ca67f0d0e8e",
                ),
            ),
            mirrors=("https://cogcomp.seas.upenn.edu/Data/QA/QC",),
            origin="TREC questions (Li and Roth 2002)",
            licence="not stated",
            layouts=(("train_5500.label", "TREC_10.label"),),
        ),
        _trec,
    ),
    "bbc-news": ReviewSet(
        NamedSet(
            name="bbc-news",
            classes=(),
            files=(
                Pinned(
                    "bbc-fulltext.zip",
                    2874078,
                    "a351031a62325b3d7ff13146eeb035c22feca8290913b5183d1ff3be35109495",
                ),
            ),
            mirrors=("http://mlg.ucd.ie/files/datasets",),
            origin="BBC News (Greene and Cunningham 2006)",
            licence="for research, non-commercial",
            layouts=(("bbc-fulltext.zip",), ("bbc.parquet",)),
        ),
        _bbc,
    ),
    "ag-news": _ag("ag-news", (_AG_TRAIN, _AG_TEST)),
    "ag-news-test": _ag("ag-news-test", (_AG_TEST,)),
}
