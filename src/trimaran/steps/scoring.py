"""A built network's answers for the rows of a split: scores, and the pictures of the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.data.batches import Rows, consecutive
from trimaran.data.features import ArrayField, TableField
from trimaran.data.prepared import Output
from trimaran.data.preprocess import INPUT, OUTPUT, Preprocess
from trimaran.data.series.target import Forecast
from trimaran.data.stream import Stream
from trimaran.data.targets import Tokens
from trimaran.data.texts.field import PaddedText
from trimaran.evaluation import (
    ClassificationScores,
    Deviation,
    ForecastScores,
    Mistake,
    TokenScores,
    ValueScores,
    score_classes,
    score_tokens,
    score_values,
    scores_json,
    worst_deviations,
    worst_mistakes,
)
from trimaran.explain.features import features, map_paths
from trimaran.files import write_arrays, write_json, write_text
from trimaran.steps import forecasting
from trimaran.steps.description import trimmed

Scored = ClassificationScores | ValueScores | TokenScores | ForecastScores
BATCH = 128
WORST = 24
SIDE, POINTS = 120, 500
"""Points along a side of the picture of a decision boundary, and rows drawn into it."""
MAPS, LAYERS = 16, 4
"""Channels of a convolution, and convolutions, that the report shows."""


def batches(rows: Rows | Stream, size: int = BATCH) -> Iterator[Rows]:
    """The rows in their order, `size` at a time."""
    order = consecutive(len(rows), size)
    if isinstance(rows, Stream):
        yield from rows.batches(order)
    else:
        for index in order:
            # A slice is a view: nothing is copied but what `floats` makes.
            yield rows.take(slice(index[0], index[-1] + 1))  # type: ignore[arg-type]


def answers(network: Network, rows: Rows | Stream, output: str = OUTPUT) -> np.ndarray:
    """The network's output for every row, float32: (N, classes) probabilities, or (N, k) values; of
    a language model what `told` makes of it."""
    rows = trimmed(network.model, {"": rows})[""]
    order = _by_length(rows)
    made = []
    for part in batches(rows if order is None else rows.take(order)):
        cut = part.cut()
        given = network.forward(cut.inputs, affine=cut.affine).outputs[output]
        classes = given.ndim == 3 and part.targets[output].ndim == 2
        made.append(told(given, part.targets[output]) if classes else given)
    found = np.concatenate(made) if made else np.empty((0, 0), np.float32)
    if order is not None:
        found[order] = found.copy()
    return found


def _by_length(rows: Rows | Stream) -> np.ndarray | None:
    """Padded rows in an order in which those of one length stand together; None without padding."""
    known = list(rows.lengths.values()) if isinstance(rows, Rows) else []
    return np.argsort(known[0], kind="stable") if known else None


def told(given: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(N, length, 2) from (N, length, tokens) probabilities, which would take much memory: the
    logarithm of the true token's, and whether it is the likeliest."""
    chance = np.take_along_axis(given, true[..., None], axis=-1)[..., 0].astype(np.float64)
    sure = np.log(np.maximum(chance / given.sum(-1, dtype=np.float64), np.finfo(np.float32).tiny))
    return np.stack([sure, given.argmax(-1) == true], axis=-1).astype(np.float32)


def chances(given: np.ndarray) -> np.ndarray:
    """(N, classes) from the (N, 1) chance of the second of two classes."""
    return np.concatenate([1 - given, given], axis=1) if given.shape[1] == 1 else given


def score(
    rows: Rows | Stream,
    given: np.ndarray,
    preprocess: Preprocess,
    seed: int,
    splits: Mapping[str, Rows | Stream] | None = None,
) -> Scored:
    """Scores with intervals; a regression is scored in the units of its data.

    splits: all of the run's own rows, which a baseline of forecasts is fitted on.
    """
    output, true = output_of(preprocess), rows.targets[OUTPUT]
    target = preprocess.outputs[OUTPUT]
    if isinstance(target, Forecast):
        assert isinstance(rows, Rows)
        return forecasting.score(rows, given, target, splits)
    if isinstance(target, Tokens):
        return score_tokens(given[:, target.context :], target.unit)
    if output.kind == "classes":
        return score_classes(true, chances(given), output.classes, rows.ids, seed, rows.weights)
    decoded = preprocess.decode(true), preprocess.decode(given)
    return score_values(*decoded, (), rows.ids, seed, rows.weights)


def output_of(preprocess: Preprocess) -> Output:
    """What a finished run predicts."""
    return Output.of(preprocess.outputs[OUTPUT])


def write_scores(path: Path, scored: Mapping[str, Scored]) -> None:
    """scores.json."""
    write_text(path, scores_json(scored) + "\n")


Telling = Callable[[Rows], list[list[tuple[str, float]]] | None]
"""Rows of texts → each one's tokens with their shares in the answer."""


def write_worst(
    folder: Path,
    split: str,
    rows: Rows | Stream,
    given: np.ndarray,
    preprocess: Preprocess,
    telling: Telling,
) -> None:
    """artifacts/worst.json, and the pictures of those rows in artifacts/worst.npz; a language
    model's windows have no picture and are not listed, and forecasts are drawn as examples."""
    target = preprocess.outputs[OUTPUT]
    if isinstance(target, Forecast):
        assert isinstance(rows, Rows)
        forecasting.write_examples(folder, rows, given, target)
    if isinstance(target, Tokens | Forecast):
        return
    output, true = output_of(preprocess), rows.targets[OUTPUT]
    found: tuple[Mistake | Deviation, ...]
    if output.kind == "classes":
        found = worst_mistakes(true, chances(given), output.classes, rows.ids, WORST)
    else:
        values = preprocess.decode(true), preprocess.decode(given)
        found = worst_deviations(*values, rows.ids, WORST)
    index = np.array([item.row for item in found], np.int64)
    listed = [item.to_json() for item in found]
    chosen = rows.take(index)
    stored = np.asarray(chosen.inputs[INPUT]) if len(index) else np.empty(0)
    field = preprocess.inputs[INPUT]
    folder.mkdir(exist_ok=True)
    if stored.ndim == 4:
        write_arrays(folder / "worst.npz", {"images": stored})
    elif stored.ndim == 2 and isinstance(field, PaddedText):
        words = telling(chosen) or [
            [(w, 0.0) for w in field.words(np.asarray(row))] for row in stored
        ]
        for item, own in zip(listed, words, strict=True):
            item |= {"words": _whole(own), "between": field.between}
    elif stored.ndim == 2:
        assert isinstance(field, TableField | ArrayField)
        for item, values in zip(listed, stored, strict=True):
            item["features"] = field.readable(values)
    write_json(folder / "worst.json", {"split": split, "rows": listed})


def _whole(words: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """A character of several bytes, which stands with its first, has the shares of them all;
    these are rounded."""
    found: list[tuple[str, float]] = []
    for word, share in words:
        if word or not found:
            found.append((word, share))
        else:
            found[-1] = (found[-1][0], found[-1][1] + share)
    return [(word, round(share, 4)) for word, share in found]


def _columns(preprocess: Preprocess, count: int) -> list[str]:
    names = getattr(preprocess.inputs[INPUT], "names", None)
    return list(names) if names and len(names) == count else [f"x{i}" for i in range(count)]


def write_boundary(
    folder: Path, network: Network, rows: Rows | Stream, preprocess: Preprocess
) -> None:
    """artifacts/boundary.npz, for a classifier that reads two numbers.

    `chances` (SIDE, SIDE, classes) cover the rectangle from `low` to `high`, its highest second
    number first; `points` (n, 2) are rows as the model reads them, `labels` their classes.
    """
    output = output_of(preprocess)
    shapes = [tuple(port.shape) for port in network.model.inputs]
    if shapes != [(2,)] or output.kind != "classes" or len(rows) == 0:
        return
    drawn = rows.take(np.arange(min(len(rows), POINTS)))
    points = drawn.floats(INPUT).astype(np.float64)
    margin = 0.5 * np.maximum(np.ptp(points, axis=0), 1e-6)
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    sides = [np.linspace(a, b, SIDE) for a, b in zip(low, high, strict=True)]
    across, up = np.meshgrid(sides[0], sides[1][::-1])
    square = np.stack([across.ravel(), up.ravel()], axis=1).astype(np.float32)
    given = chances(network.forward({INPUT: square}).outputs[OUTPUT])
    arrays = {
        "chances": given.reshape(SIDE, SIDE, -1),
        "points": points,
        "labels": drawn.targets[OUTPUT],
        "low": low,
        "high": high,
        "columns": np.array(_columns(preprocess, 2)),
        "classes": np.array(output.classes),
    }
    folder.mkdir(exist_ok=True)
    write_arrays(folder / "boundary.npz", arrays)


def write_features(folder: Path, network: Network, rows: Rows | Stream) -> None:
    """artifacts/features.npz: what the convolutions make of the first row (Figure 3)."""
    paths = map_paths(network.model, LAYERS)
    if not paths or len(rows) == 0:
        return
    first = rows.take(np.zeros(1, np.int64))
    found = features(network, {INPUT: first.floats(INPUT)}, 0, paths)
    maps = {path: array[..., :MAPS] for path, array in found.maps.items()}
    folder.mkdir(exist_ok=True)
    write_arrays(folder / "features.npz", {"input": first.inputs[INPUT][0], **maps})
