"""What a run on texts shows besides its scores: a baseline beside it, and its telling words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trimaran.data.batches import Rows
from trimaran.data.prepared import Prepared
from trimaran.data.preprocess import INPUT, OUTPUT, Preprocess
from trimaran.data.stream import Stream
from trimaran.data.texts.baseline import Baseline, fit_baseline
from trimaran.data.texts.field import PaddedText
from trimaran.evaluation.paired import Verdict, paired
from trimaran.explain.words import Build, table_of, word_shares
from trimaran.files import write_json
from trimaran.spec import Model
from trimaran.steps.scoring import chances, output_of, score
from trimaran.tasks.loss import Loss

BASELINE = "baseline.json"


def write_baseline(
    folder: Path, prepared: Prepared, given: Mapping[str, np.ndarray], seed: int
) -> str | None:
    """artifacts/baseline.json: the scores of a linear model on the same texts. Returns what it says
    beside the network, None where the data are no texts."""
    if prepared.content is None:
        return None
    train, output = prepared.splits["train"], output_of(prepared.preprocess)
    assert isinstance(train, Rows)
    classes = output.kind == "classes"
    known = prepared.content[train.ids].tolist()
    try:
        model = fit_baseline(known, train.targets[OUTPUT], classes=classes)
    except ValueError as error:  # no word is left to count, in texts of single letters
        return f"There is no TF-IDF baseline beside it: {error}"
    splits = {}
    said = ""
    for name, made in given.items():
        rows = prepared.splits[name]
        own = model.answers(prepared.content[rows.ids].tolist())
        scored = score(rows, own, prepared.preprocess, seed).to_json()
        verdict = _verdict(rows, made, own, prepared.preprocess)
        splits[name] = {"scores": scored, "verdict": {**verdict.to_json(), "text": str(verdict)}}
        said = _sentence(name, model, verdict, scored)
    folder.mkdir(exist_ok=True)
    found = {"name": model.name, "seconds": model.seconds, "splits": splits, "text": said}
    write_json(folder / BASELINE, found)
    return said


def _verdict(
    rows: Rows | Stream, network: np.ndarray, baseline: np.ndarray, pre: Preprocess
) -> Verdict:
    """By the share of right answers, or by the absolute errors in the units of the data."""
    true = rows.targets[OUTPUT]
    if output_of(pre).kind == "classes":
        right = [chances(made).argmax(axis=1) == true for made in (network, baseline)]
        return paired(right[0], right[1])
    wanted = pre.decode(true)
    errors = [-np.abs(pre.decode(made) - wanted).mean(axis=1) for made in (network, baseline)]
    return paired(errors[0], errors[1])


def _sentence(split: str, model: Baseline, verdict: Verdict, scored: Mapping[str, Any]) -> str:
    accuracy = scored["metrics"].get("accuracy")
    value = accuracy["value"] if accuracy else None
    own = f" has {value:.2%} accuracy on {split}" if value is not None else ""
    scale, unit = (1.0, "of mean absolute error") if value is None else (100.0, "points")
    told = f"{scale * verdict.gain:+.3g} {unit}"
    if verdict.low is not None and verdict.high is not None:
        told += f", {scale * verdict.low:+.3g} to {scale * verdict.high:+.3g}"
    return f"{model.name}{own} ({model.seconds:.0f} s). {verdict} ({told})."


def telling_words(
    build: Build, model: Model, weights: Mapping[str, np.ndarray], rows: Rows, pre: Preprocess
) -> list[list[tuple[str, float]]] | None:
    """For each row its tokens, each with its share in the class that the network says; None where
    the data are no texts or no classes, or the network looks words up in no single table."""
    field = pre.inputs[INPUT]
    classes = output_of(pre).kind == "classes"
    if not isinstance(field, PaddedText) or not classes or table_of(model) is None or not len(rows):
        return None
    tokens = np.asarray(rows.inputs[INPUT])
    said = build(weights).forward({INPUT: tokens}).outputs[OUTPUT]
    binary = said.shape[1] == 1
    answer = chances(said).argmax(axis=1)
    kind = "binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    loss = Loss(kind).on(model.heads.get(OUTPUT))
    target = answer[:, None].astype(np.float32) if binary else answer
    shares = word_shares(build, model, weights, tokens, (OUTPUT, loss, target))
    return [
        list(zip(field.words(row), own[row != 0].tolist(), strict=True))
        for row, own in zip(tokens, shares, strict=True)
    ]
