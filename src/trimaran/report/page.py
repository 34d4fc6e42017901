"""report.html: one page that needs nothing but itself."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape
from numpy.typing import NDArray

from trimaran.errors import RunError
from trimaran.files import write_text
from trimaran.report import boundary, diagram, forecasts, matrices, numbers, svg
from trimaran.report.curves import charts
from trimaran.report.drawing import wired_uri
from trimaran.report.folder import RunFolder, read_run
from trimaran.report.health import diagnoses, layer_rows
from trimaran.report.pictures import as_bytes, data_uri, load_arrays, strip
from trimaran.report.summary import SPLITS, command, headline, lookup, training_facts
from trimaran.report.wording import shaded

LAYERS, CHANNELS = 12, 16  # of feature maps, so that the page of a deep network stays light
COLUMNS = 12  # of a table, beside each of the worst rows
TEMPLATES = Path(__file__).parent / "templates"


def write_report(path: Path) -> Path:
    """Write report.html into the run folder at `path` and return its path."""
    target = path / "report.html"
    write_text(target, render(path))
    return target


def render(path: Path) -> str:
    """The page of the run folder at `path`, as text.

    A piece that is missing is left out with its reason; raises RunError for a damaged file.
    """
    run = read_run(path)
    return environment().get_template("page.html").render(**_context(run))


@cache
def environment() -> jinja2.Environment:
    """The templates of this room, with their filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"metric_name": numbers.metric_name, "short": numbers.short}
    environment.filters["humps"] = _humps
    environment.tests["mapping_like"] = lambda value: isinstance(value, Mapping)
    return environment


def _humps(name: str) -> Markup:
    """A class name that may be broken before its capitals."""
    return Markup(re.sub(r"(?<=[a-z])(?=[A-Z])", "<wbr>", str(escape(name))))


def _context(run: RunFolder) -> dict[str, Any]:
    epochs = run.of_kind("Epoch")
    best_step = next((e.get("best_step") for e in reversed(run.of_kind("Stopped"))), None)
    return {
        "name": run.path.resolve().name,
        "subtitle": _subtitle(run),
        "headline": _headline(run),
        "facts": training_facts(run),
        "missing": run.missing,
        "table": _table(run.scores),
        "charts": charts(epochs, best_step),
        "splits": [_split(name, values) for name, values in _detailed(run.scores)],
        "worst": _worst(run.path / "artifacts"),
        "baseline": _json(run.path / "artifacts" / "baseline.json"),
        "forecasts": forecasts.drawn(run.scores, run.path / "artifacts"),
        "sample": _json(run.path / "artifacts" / "sample.json"),
        "features": _features(run.path / "artifacts"),
        "boundary": boundary.draw(load_arrays(run.path / "artifacts" / "boundary.npz")),
        "chain": diagram.chain(run.model) if run.model else (),
        "neurons": diagram.neurons(run.model) if run.model else None,
        "wired": wired_uri(run.model) if run.model else None,
        "model": run.model,
        "health": layer_rows(run.of_kind("Health")),
        "notices": _notices(run),
        "diagnoses": diagnoses(run.of_kind("Health")),
        "data": _data(run),
        "recipe": run.recipe_text,
        "environment": run.environment,
        "source_name": run.source_name,
        "source": run.source,
        "commands": _commands(run),
    }


def _subtitle(run: RunFolder) -> str:
    data = run.data.get("name") or lookup(run.recipe, "set")
    parts = [run.recipe.get("task"), data, run.model.name if run.model else None]
    parts.append(lookup(run.environment, "started") or lookup(run.environment, "date"))
    return " · ".join(str(part) for part in parts if part)


def _headline(run: RunFolder) -> dict[str, Any] | None:
    best = headline(run.scores)
    if best is None:
        return None
    return {
        "name": numbers.metric_name(best.key),
        "value": numbers.metric(best.key, best.value),
        "bounds": numbers.bounds(best.key, best.low, best.high),
        "split": best.split,
        "rows": numbers.short(best.rows),
        "method": best.method,
    }


def _table(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Metrics down, splits across."""
    keys = dict.fromkeys(key for split in scores.values() for key in split.get("metrics", {}))
    rows = [
        {
            "name": numbers.metric_name(key),
            "lower": key in numbers.LOWER_IS_BETTER,
            "cells": [_score(key, split.get("metrics", {}).get(key)) for split in scores.values()],
        }
        for key in keys
    ]
    methods: dict[str, list[str]] = {}
    for split in scores.values():
        for key, score in split.get("metrics", {}).items():
            names = methods.setdefault(score.get("method", ""), [])
            if numbers.metric_name(key) not in names:
                names.append(numbers.metric_name(key))
    methods.pop("", None)
    heads = [(name, numbers.short(split.get("n"))) for name, split in scores.items()]
    return {"heads": heads, "rows": rows, "methods": methods}


def _score(key: str, score: Mapping[str, Any] | None) -> dict[str, str]:
    if score is None:
        return {"value": "–", "bounds": "", "reason": "not measured on this split"}
    return {
        "value": numbers.metric(key, score.get("value")),
        "bounds": numbers.bounds(key, score.get("low"), score.get("high")),
        "reason": score.get("reason", ""),
    }


def _detailed(scores: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The splits whose answers are drawn, the most independent first: all but training, or
    training if it is alone."""
    order = {name: place for place, name in enumerate(SPLITS)}
    shown = [(name, split) for name, split in scores.items() if name != "train"]
    return sorted(shown or scores.items(), key=lambda pair: order.get(pair[0], len(order)))


def _split(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    classes, confusion = values.get("classes", []), values.get("confusion", [])
    return {
        "name": name,
        "matrix": matrices.heat_map(confusion, classes) if confusion else None,
        "many": bool(confusion) and len(classes) > matrices.LARGEST,
        "confused": matrices.confused(confusion, classes),
        "reliability": matrices.reliability(cal) if (cal := values.get("calibration")) else None,
        "per_class": _per_class(values.get("per_class", [])),
        "scatter": matrices.scatter(pairs) if (pairs := values.get("pairs")) else None,
    }


def _per_class(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the table per class, each recall drawn with its interval on a shared scale."""
    lows = [row["recall_low"] for row in rows if row.get("recall_low") is not None]
    span = (min(lows, default=0.0), 1.0)
    return [
        dict(row)
        | {
            "drawn": svg.interval(row["recall"], row["recall_low"], row["recall_high"], span)
            if row.get("recall_low") is not None
            else Markup("")
        }
        for row in rows
    ]


def _worst(folder: Path) -> dict[str, Any] | None:
    """The worst rows of worst.json with their pictures, or with their first columns."""
    path = folder / "worst.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = [dict(row) for row in found["rows"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error!r}): delete it and report again.") from None
    images = load_arrays(folder / "worst.npz").get("images", ())
    for row in rows:
        row["shaded"] = shaded(row["words"], row.get("between", " ")) if "words" in row else None
    for row, image in zip(rows, images, strict=False):
        row["picture"] = data_uri(as_bytes(image))
        row["small"] = max(image.shape[:2]) <= 64
    columns = list(dict.fromkeys(key for row in rows for key in row.get("features", {})))
    return {
        "split": found.get("split", ""),
        "rows": rows,
        "pictures": len(images) > 0,
        "texts": any(row["shaded"] for row in rows),
        "classes": any("probability_true" in row for row in rows),
        "columns": columns[:COLUMNS],
        "hidden": len(columns[COLUMNS:]),
    }


def _json(path: Path) -> Any:
    """What the file holds, None where there is none."""
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}): delete it and report again.") from None


def _features(folder: Path) -> dict[str, Any] | None:
    """The input picture and the first channels of the first layers, with what was left out."""
    arrays = load_arrays(folder / "features.npz")
    if not arrays:
        return None
    image = arrays.pop("input", None)
    layers = [(path, maps) for path, maps in arrays.items() if maps.ndim == 3]
    return {
        "input": data_uri(as_bytes(image)) if image is not None else None,
        "layers": [_layer(path, maps) for path, maps in layers[:LAYERS]],
        "more": max(0, len(layers) - LAYERS),
    }


def _layer(path: str, maps: NDArray[Any]) -> dict[str, Any]:
    size = " × ".join(map(str, maps.shape))
    more = max(0, maps.shape[-1] - CHANNELS)
    return {"path": path, "size": size, "maps": strip(maps, CHANNELS), "more": more}


def _notices(run: RunFolder) -> list[str]:
    """What the run told the human, each sentence once."""
    told = [str(event.get("text", "")) for event in run.of_kind("Notice")]
    stops = [
        f"Training stopped: {event['reason']}. {event.get('advice') or ''}".strip()
        for event in run.of_kind("Stopped")
        if event.get("reason") not in (None, "finished")
    ]
    own = [str(notice) for notice in run.data.get("notices", ())]
    return [text for text in dict.fromkeys([*own, *told, *stops]) if text]


def _data(run: RunFolder) -> dict[str, Any]:
    facts = dict(run.data.get("facts") or {})
    classes = facts.pop("classes", None) or {}
    rows = facts.pop("rows", None) or {}
    shared = facts.pop("duplicates", None)
    if shared is not None:  # each pair of splits has a notice that names the rows
        facts["duplicates across splits"] = sum(pair.get("rows", 0) for pair in shared)
    names = list(dict.fromkeys(name for counts in classes.values() for name in counts))
    largest = max((n for counts in classes.values() for n in counts.values()), default=1) or 1
    return {
        "rows": rows,
        "splits": list(classes),
        "classes": [
            (name, [(counts.get(name, 0), 100 * counts.get(name, 0) / largest)
                    for counts in classes.values()])
            for name in names
        ],
        "facts": facts,
    }  # fmt: skip


def _commands(run: RunFolder) -> list[tuple[str, str]]:
    folder = run.path.as_posix()
    use = ("use it", command("predict", folder, "INPUT"))
    if run.recipe.get("task") == "language":
        words = ("--prompt", "KING:", "--temperature", "0.8")
        use = ("let it write", command("generate", folder, *words))
    if run.recipe.get("task") == "forecast":
        use = ("let it forecast", command("predict", folder, "--csv", "NEW.csv"))
    found = [
        ("train it again", command("train", f"{folder}/recipe.yaml")),
        ("score it again", command("evaluate", folder)),
        use,
        ("write this page again", command("report", folder)),
    ]
    if run.source_name == "model_torch.py":
        found.append((
            "load it with PyTorch alone, inside the run folder",
            'python -c "import model_torch, safetensors.torch; model = model_torch.build(); '
            "model.load_state_dict(safetensors.torch.load_file('model.safetensors'))\"",
        ))  # fmt: skip
    return found
