"""What goes to the worker: whole sets once, padded rows by batches that lost their padding."""

from __future__ import annotations

import numpy as np

from trimaran.backends.keras.feed import Feed
from trimaran.data.batches import Rows

TOKENS = np.ones((4, 8), np.int32)
LABELS = {"output": np.arange(4)}


def test_rows_that_are_not_padded_stay_with_the_worker():
    feed = Feed(Rows({"input": TOKENS}, LABELS, None, np.arange(4)), ("input",), ("output",))
    assert feed.stays and feed.whole()["inputs/input"] is TOKENS


def test_padded_rows_are_sent_by_batches_without_padding():
    lengths = {"input": np.array([1, 8, 3, 2])}
    rows = Rows({"input": TOKENS}, LABELS, None, np.arange(4), lengths=lengths)
    feed = Feed(rows, ("input",), ("output",))
    assert not feed.stays and not feed.whole()
    sent = list(feed.batches([np.array([0, 3]), np.array([2]), np.array([1])], 0, 0))
    assert [batch["inputs/input"].shape for batch in sent] == [(2, 2), (1, 4), (1, 8)]
    assert sent[0]["targets/output"].tolist() == [0, 3]
