"""A text with its words shaded by their shares in an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SHOWN = 120  # words of a text, around the most telling one
MOST = 5
_DARKEST = 70  # per cent
_BLANK = {" ": "␣", "\n": "⏎"}  # tokens that would not be seen


def shaded(words: Sequence[Sequence[Any]], between: str = " ") -> dict[str, Any]:
    """(word, share) pairs as (word, shade in per cent, whether it speaks for the answer), of long
    texts the part around the most telling word; the most telling words; and what stands `between`
    two words."""
    shares = [float(share) for _, share in words]
    largest = max(map(abs, shares), default=0.0)
    top = max(range(len(shares)), key=lambda k: abs(shares[k]), default=0)
    start = max(0, min(top - SHOWN // 2, len(words) - SHOWN))
    kept = [
        (word, round(_DARKEST * abs(share) / largest) if largest else 0, share > 0)
        for (word, _), share in zip(words[start : start + SHOWN], shares[start:], strict=False)
    ]
    order = sorted(range(len(words)), key=lambda k: -abs(shares[k])) if largest else []
    most = list(dict.fromkeys(_BLANK.get(words[k][0], words[k][0]) for k in order))[:MOST]
    return {"words": kept, "between": between, "most": most, "more": len(words) - len(kept)}
