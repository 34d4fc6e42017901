"""A run folder, read as far as it goes; what is missing is told, never guessed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from trimaran.errors import DescriptionError, RunError
from trimaran.spec import Model, from_json

SOURCES = ("model_torch.py", "model_keras.py")


@dataclass(frozen=True)
class RunFolder:
    """The texts and values of a run; `missing` says in a sentence each what is not there.

    `data` is data.json: "name", "task", "facts" and "notices".
    """

    path: Path
    recipe: Mapping[str, Any]
    recipe_text: str
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    scores: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...]
    model: Model | None
    source_name: str
    source: str
    missing: tuple[str, ...]

    def of_kind(self, *kinds: str) -> list[Mapping[str, Any]]:
        """The events of these kinds, in the order in which they happened."""
        return [event for event in self.events if event.get("kind") in kinds]


def read_run(path: Path) -> RunFolder:
    """Read a run folder; raises RunError where there is none, or where a file is damaged."""
    if not path.is_dir():
        raise RunError(f"{path}: no such run folder; list the runs with `ls {path.parent}`.")
    recipe_text = _text(path / "recipe.yaml")
    missing = [f"{name} is missing" for name in _expected() if not (path / name).exists()]
    source_name = next((name for name in SOURCES if (path / name).exists()), "")
    model, fault = _model(path / "model.json")
    events, torn = _events(path / "events.jsonl")
    return RunFolder(
        path=path,
        recipe=_recipe(recipe_text, path / "recipe.yaml"),
        recipe_text=recipe_text,
        environment=_json(path / "environment.json"),
        data=_json(path / "data.json"),
        scores=_json(path / "scores.json").get("splits", {}),
        events=events,
        model=model,
        source_name=source_name,
        source=_text(path / source_name) if source_name else "",
        missing=tuple(missing + fault + torn),
    )


def _expected() -> tuple[str, ...]:
    return (
        *("recipe.yaml", "environment.json", "data.json"),
        *("model.json", "events.jsonl", "scores.json"),
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(
            f"{path} is not JSON ({error}): restore it, or delete it to report without it."
        ) from None
    return found if isinstance(found, dict) else {"items": found}


def _recipe(text: str, path: Path) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise RunError(f"{path} is not YAML ({error}): restore the file of the run.") from None
    return found if isinstance(found, dict) else {}


def _model(path: Path) -> tuple[Model | None, list[str]]:
    """The description; one that this version cannot read costs the diagram, not the report."""
    data = _json(path)
    if not data:
        return None, []
    try:
        return from_json(data, str(path)), []
    except (DescriptionError, KeyError, TypeError, ValueError) as error:
        return None, [f"model.json cannot be read ({error})"]


def _events(path: Path) -> tuple[tuple[Mapping[str, Any], ...], list[str]]:
    """Every whole line; a run that was killed may end in the middle of one."""
    found: list[Mapping[str, Any]] = []
    torn: list[str] = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        try:
            event = json.loads(line)
        except ValueError:
            torn = [f"events.jsonl: line {number} is torn and was left out"]
            continue
        if isinstance(event, dict):
            found.append(event)
    return tuple(found), torn
