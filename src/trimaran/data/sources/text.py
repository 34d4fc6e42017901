"""Long texts: your own file, and named ones."""

from __future__ import annotations

from pathlib import Path

from trimaran.data.language import RawText
from trimaran.data.sources.download import Pinned, Progress
from trimaran.data.sources.named import NamedSet, locate
from trimaran.data.sources.utf8 import read_utf8
from trimaran.errors import DataError

SUFFIXES = (".txt", ".text", ".md")

TEXTS = {
    "tinyshakespeare": NamedSet(
        name="tinyshakespeare",
        classes=(),
        files=(
            Pinned(
                "input.txt",
                1115394,
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            ),
        ),
        mirrors=(
            "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare",
        ),
        origin="Tiny Shakespeare (Karpathy 2015)",
        licence="public-domain text; its repository is MIT",
        layouts=(("input.txt",),),
    ),
}


def is_text(path: Path) -> bool:
    """Whether the path is called like a text."""
    return path.suffix.lower() in SUFFIXES


def load_text(name: str, progress: Progress | None) -> RawText:
    """A named text."""
    entry = TEXTS[name]
    found = locate(entry, progress)
    return RawText(name, _read(found.paths[0]), found.facts(entry))


def read_text(path: Path) -> RawText:
    """Your own file.

    Raises `DataError` where it is missing, not UTF-8, or empty.
    """
    return RawText(path.stem, _read(path), {"found in": str(path)})


def _read(path: Path) -> str:
    text = read_utf8(path)
    if not text.strip():
        raise DataError(f"{path} is empty; give a text to learn from.")
    return text
