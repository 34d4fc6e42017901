"""README.md of a run: a model card whose YAML head other tools can read."""

from pathlib import Path
from typing import Any

import yaml

from trimaran.files import write_text
from trimaran.report.folder import RunFolder, read_run
from trimaran.report.numbers import bounds, metric, metric_name, short
from trimaran.report.summary import Headline, command, headline, training_facts

TASKS = {"classify": "classification", "regress": "regression", "language": "generation"}


def write_card(path: Path) -> Path:
    """Write README.md into the run folder at `path` and return its path."""
    target = path / "README.md"
    write_text(target, card(read_run(path)))
    return target


def card(run: RunFolder) -> str:
    """The text of the card."""
    head = yaml.safe_dump(_head(run), sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n" + "\n".join(_body(run)) + "\n"


def _dataset(run: RunFolder) -> str:
    named = run.data.get("name") or (run.recipe.get("data") or {}).get("set")
    return str(named or "own data")


def _task(run: RunFolder) -> str:
    task = str(run.recipe.get("task") or run.data.get("task") or "classify")
    if task == "forecast":
        return "time-series-forecasting"
    inputs = run.model.inputs if run.model else ()
    if inputs and inputs[0].dtype == "int32":
        return f"text-{TASKS.get(task, task)}"
    prefix = "image" if inputs and len(inputs[0].shape) == 3 else "tabular"
    return f"{prefix}-{TASKS.get(task, task)}"


def _head(run: RunFolder) -> dict[str, Any]:
    """The keys that model hubs read; one result per split."""
    metrics = list(dict.fromkeys(n for s in run.scores.values() for n in s.get("metrics", {})))
    task = _task(run)
    return {
        "library_name": "trimaran",
        "pipeline_tag": task,
        "tags": ["trimaran", "pytorch" if "torch" in run.source_name else "keras", "safetensors"],
        "datasets": [_dataset(run)],
        "metrics": metrics,
        "model-index": [
            {
                "name": run.path.resolve().name,
                "results": [
                    {
                        "task": {"type": task},
                        "dataset": {
                            "type": _dataset(run), "name": _dataset(run), "split": split
                        },
                        "metrics": [
                            {"type": name, "value": score["value"], "name": metric_name(name)}
                            for name, score in values.get("metrics", {}).items()
                            if score.get("value") is not None
                        ],
                    }
                    for split, values in run.scores.items()
                ],
            }
        ],
    }  # fmt: skip


def _body(run: RunFolder) -> list[str]:
    name = run.path.resolve().name
    best = headline(run.scores)
    lines = [f"# {name}", "", _sentence(run, best), ""]
    for split, values in run.scores.items():
        lines += _table(split, values)
        lines += [values["verdict"], ""] if "verdict" in values else []
    lines += ["## Training", ""]
    lines += [f"- {label}: {value}" for label, value in training_facts(run)]
    lines += ["", "## Data", "", f"`{_dataset(run)}`"]
    lines += [f"- {notice}" for notice in run.data.get("notices", ())]
    lines += ["", "## Use", "", "```sh", command("predict", name, "INPUT")]
    lines += [command("report", name), "```", "", _files(run)]
    lines += ["", "## Limits", "", _limits(run)]
    return lines


def _sentence(run: RunFolder, best: Headline | None) -> str:
    size = f", {short(run.model.size)} parameters" if run.model else ""
    model = run.model.name if run.model else "a model"
    if best is None:
        return f"{model}{size}, trained on {_dataset(run)}. It has not been scored."
    return (
        f"{model}{size}, trained on {_dataset(run)}: {metric_name(best.key).lower()} "
        f"{metric(best.key, best.value)} on {short(best.rows)} rows of the {best.split} split "
        f"(95 % interval {bounds(best.key, best.low, best.high)})."
    )


def _table(split: str, values: dict[str, Any]) -> list[str]:
    lines = [f"## Scores, {split} ({short(values.get('n'))} rows)", ""]
    lines += ["| metric | value | 95 % interval | method |", "|---|---:|---|---|"]
    for name, score in values.get("metrics", {}).items():
        shown = bounds(name, score.get("low"), score.get("high"))
        how = score.get("method") or score.get("reason", "")
        lines.append(
            f"| {metric_name(name)} | {metric(name, score.get('value'))} | {shown} | {how} |"
        )
    return [*lines, ""]


def _files(run: RunFolder) -> str:
    parts = ["`model.safetensors` holds the weights under PyTorch's names"]
    if run.source_name:
        parts.append(f"`{run.source_name}` the source that trained")
    return ", ".join(parts) + ", `report.html` the whole report."


def _limits(run: RunFolder) -> str:
    splits = ", ".join(run.scores) or "no split"
    return (
        f"The scores hold for data like the {splits} split of {_dataset(run)}, drawn the same way. "
        "The intervals speak of the choice of rows, not of another seed, another year or another "
        "population; measure again before using the model elsewhere."
    )
