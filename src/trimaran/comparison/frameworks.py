"""Training runs of the same network on several backends, told with their uncertainty.

Runs with the same seed share their split, initial weights and order of batches, so they are
compared in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean, median
from typing import Any

import numpy as np

from trimaran.comparison.student import METHOD, holm, mean, paired, spread, verdict

Runs = Mapping[str, Sequence[Mapping[str, Any]]]
"""Backend -> what `steps.trial` answered for each seed, in the order of the seeds."""
HIGHER = ("accuracy", "r2")
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
SCORES = ("accuracy", "log_loss", "mae", "rmse")


def curves(runs: Runs) -> dict[str, dict[str, list[dict[str, float]]]]:
    """Metric -> backend -> the mean of each epoch with its interval over the seeds."""
    first = next(iter(runs.values()))[0]["epochs"][0]
    wanted = [name for name in first if name not in ("epoch", "seconds")]
    ordered = [name for name in CURVES if name in wanted]
    ordered += [name for name in wanted if name not in CURVES]
    return {
        metric: {backend: _curve(own, metric) for backend, own in runs.items()}
        for metric in ordered
    }


def _curve(own: Sequence[Mapping[str, Any]], metric: str) -> list[dict[str, float]]:
    columns = zip(*([epoch[metric] for epoch in run["epochs"]] for run in own), strict=True)
    return [{"epoch": i, **mean(values).to_json()} for i, values in enumerate(columns, 1)]


def scores(runs: Runs) -> dict[str, dict[str, dict[str, Any]]]:
    """Score -> backend -> its mean over the seeds, with the interval."""
    names = [name for name in SCORES if name in next(iter(runs.values()))[0]["scores"]]
    return {
        name: {
            backend: mean([run["scores"][name] for run in own]).to_json()
            for backend, own in runs.items()
        }
        for name in names
    }


def differences(runs: Runs, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every pair of backends on every score and on the time of an epoch, corrected together.

    Times are compared by their ratio: its logarithm is what is averaged.
    """
    asked = [
        (name, a, b, [run["scores"][name] for run in runs[a]], [r["scores"][name] for r in runs[b]])
        for name in scores(runs)
        for a, b in combinations(runs, 2)
    ]
    asked += [
        ("epoch_seconds", a, b, _log_times(runs[a]), _log_times(runs[b]))
        for a, b in combinations(runs, 2)
    ]
    found = [paired(one, other) for *_, one, other in asked]
    corrected = holm([one.p for one in found])
    rows = []
    for (name, a, b, *_), one, p in zip(asked, found, corrected, strict=True):
        words = verdict((labels[a], labels[b]), one, p)
        if name == "epoch_seconds":
            words = _ratio_words(labels[a], labels[b], one.difference.mean, p)
        rows.append(
            {"metric": name, "pair": [a, b], **one.difference.to_json(), "p": one.p, "holm": p,
             "verdict": words}
        )  # fmt: skip
    return rows


def _log_times(own: Sequence[Mapping[str, Any]]) -> list[float]:
    return [math.log(median(warm(run))) for run in own]


def _ratio_words(a: str, b: str, log_ratio: float, p: float) -> str:
    if p >= 0.05 or math.isnan(p):
        return f"no difference shown between {a} and {b}"
    slow, fast = (a, b) if log_ratio > 0 else (b, a)
    return f"an epoch takes {slow} {math.exp(abs(log_ratio)):.2f} times as long as {fast}"


def warm(run: Mapping[str, Any]) -> list[float]:
    """Seconds of the epochs after the first, which warms up."""
    return [epoch["seconds"] for epoch in run["epochs"][1:]]


def times(own: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Seconds of a warm epoch, of the first, and from the start to the first update; peak bytes."""
    found: dict[str, Any] = {
        "epoch_seconds": spread([seconds for run in own for seconds in warm(run)]),
        "first_epoch_seconds": spread([run["epochs"][0]["seconds"] for run in own]),
        "start_seconds": spread([run["seconds"]["start"] for run in own]),
    }
    for name in ("framework", "together"):
        known = [run["memory"][name] for run in own if run["memory"][name]]
        found[f"memory_{name}"] = spread(known) if known else None
    return found


def agreement(answers: Mapping[str, Sequence[np.ndarray]]) -> list[dict[str, Any]]:
    """Of each pair, how many rows got the same answer from both, over all seeds: (N, classes)
    answers by their largest entry, (N, 1) ones by which side of a half they lie on."""
    found = []
    for a, b in combinations(answers, 2):
        pairs = list(zip(answers[a], answers[b], strict=True))
        same = [float(np.mean(_answer(x) == _answer(y))) for x, y in pairs]
        worst = float(np.max([np.abs(x - y).max() for x, y in pairs]))  # NaN, if one is
        found.append({"pair": [a, b], "same": fmean(same), "least": min(same), "apart": worst})
    return found


def _answer(given: np.ndarray) -> np.ndarray:
    return given.argmax(1) if given.shape[1] > 1 else given[:, 0] > 0.5


def summary(rows: Sequence[Mapping[str, Any]], score: str) -> str:
    """What the pairs say of a score together, in one sentence."""
    shown = [one["verdict"] for one in rows if one["metric"] == score and one["holm"] < 0.05]
    widest = max(max(abs(one["low"]), abs(one["high"])) for one in rows if one["metric"] == score)
    name = score.replace("_", " ")
    if shown:
        return f"In {name}: {'; '.join(shown)}."
    if widest == 0.0:
        return f"No difference in {name}: with every seed all backends score the same."
    return (
        f"No difference in {name} is shown between the backends; the intervals exclude differences "
        f"beyond {widest:.2g} ({METHOD}, in pairs, Holm)."
    )
