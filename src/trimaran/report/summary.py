"""The few figures that stand at the top of the report and of the model card."""

import shlex
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trimaran.report.folder import RunFolder
from trimaran.report.numbers import seconds, short

SPLITS = ("test", "validation", "train")
HEADLINES = ("bits_per_character", "mase", "accuracy", "r2", "rmse", "mae")


def command(*words: str) -> str:
    """A command line of Trimaran, to paste into a shell."""
    return shlex.join(["trimaran", *words])


@dataclass(frozen=True)
class Headline:
    """The one score that a reader wants first."""

    split: str
    rows: int
    key: str
    value: float
    low: float | None
    high: float | None
    method: str


def headline(scores: Mapping[str, Any]) -> Headline | None:
    """Bits per character, accuracy or R² of the most independent split that was scored."""
    order = [name for name in SPLITS if name in scores]
    order += [name for name in scores if name not in SPLITS]
    for split in order:
        metrics = scores[split].get("metrics", {})
        for key in (*HEADLINES, *metrics):
            score = metrics.get(key, {})
            if score.get("value") is not None:
                return Headline(
                    split, scores[split].get("n", 0), key, score["value"], score.get("low"),
                    score.get("high"), score.get("method", ""),
                )  # fmt: skip
    return None


def training_facts(run: RunFolder) -> list[tuple[str, str]]:
    """(label, value) pairs: size, epochs, time, speed, and how it ran."""
    epochs = run.of_kind("Epoch")
    found: list[tuple[str, str]] = []
    if run.model:
        found.append(("parameters", short(run.model.size)))
        found.append(("FLOPs per row", short(run.model.flops)))
    if epochs:
        found.append(("epochs", str(len(epochs))))
        found.append(("training time", seconds(sum(e.get("seconds") or 0 for e in epochs))))
    speeds = [e["examples_per_second"] for e in epochs if e.get("examples_per_second")]
    if speeds:
        found.append(("examples per second", short(round(statistics.median(speeds)))))
    how = [lookup(run.environment, key) or lookup(run.recipe, key) for key in _HOW]
    if any(how):
        found.append(("ran on", " · ".join(str(value) for value in how if value)))
    return found


_HOW = ("backend", "device", "precision")


def lookup(values: Mapping[str, Any], key: str) -> Any:
    """The first plain value under `key`, at any depth of the mapping."""
    if key in values and not isinstance(values[key], Mapping):
        return values[key]
    inner = (lookup(v, key) for v in values.values() if isinstance(v, Mapping))
    return next((value for value in inner if value is not None), None)
