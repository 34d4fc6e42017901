"""The run folder as data: made once, found by name, read lazily; it knows no live objects.

What a run can do (predict, evaluate, resume) is `trimaran.handle`'s, above the workflow.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimaran.errors import RunError
from trimaran.files import read_json

if TYPE_CHECKING:
    import numpy as np

    from trimaran.data.preprocess import Preprocess
    from trimaran.recipe import Recipe
    from trimaran.spec import Model

RECIPE, MODEL, WEIGHTS, EVENTS = "recipe.yaml", "model.json", "model.safetensors", "events.jsonl"
PREPROCESS, ENVIRONMENT, SCORES = "preprocess.json", "environment.json", "scores.json"
REPORT, CARD, CHECKPOINTS, ARTIFACTS = "report.html", "README.md", "checkpoints", "artifacts"
TENSORBOARD, DATA = "tensorboard", "data.json"
LATEST = "latest"


def root() -> Path:
    """The folder that holds runs: $TRIMARAN_RUNS, else `runs` where the user stands."""
    return Path(os.environ.get("TRIMARAN_RUNS") or "runs")


def create(name: str, out: str | Path | None = None) -> Path:
    """A new, empty run folder: `out`, or `runs/DATE-NAME-NUMBER` with the first free number.

    Raises:
        RunError: `out` holds something already, or the folder cannot be made.
    """
    if out is not None:
        return _chosen(Path(out))
    day = datetime.now().strftime("%Y-%m-%d")
    number = 1
    while True:
        path = root() / f"{day}-{name}-{number}"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir()  # fails where another process was faster: a name is given once
            return path
        except FileExistsError:
            number += 1
        except OSError as error:
            raise _unmakable(path, error) from None


def _chosen(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
        full = next(path.iterdir(), None)
    except OSError as error:
        raise _unmakable(path, error) from None
    if full is not None:
        raise RunError(
            f"{path} is not empty (it holds {full.name}); name a new folder with --out, or go on "
            f"with that run by --resume {shlex.quote(str(path))}."
        )
    return path


def _unmakable(path: Path, error: OSError) -> RunError:
    return RunError(
        f"The run folder {path} cannot be made ({error.strerror or error}); choose another place "
        "with --out."
    )


def best_split(splits: Iterable[str]) -> str:
    """The most independent of these splits."""
    given = list(splits)
    return next((name for name in ("test", "validation") if name in given), given[0])


def every() -> list[RunFiles]:
    """All runs under `root()`, the oldest first."""
    found = [path.parent for path in root().glob(f"*/{RECIPE}")]
    return [RunFiles(path) for path in sorted(found, key=_began)]


def _began(path: Path) -> tuple[int, str]:
    return (path / RECIPE).stat().st_mtime_ns, path.name


def find(name: str | Path) -> RunFiles:
    """A run by its path, by its folder's name under `root()`, or "latest".

    Raises:
        RunError: there is no such run, or the folder holds no run.
    """
    if str(name) == LATEST:
        runs = every()
        if not runs:
            raise RunError(f"There is no run in {root()} yet; make one with 'trimaran train'.")
        return runs[-1]
    for path in (Path(name), root() / name):
        if (path / RECIPE).is_file():
            return RunFiles(path)
        if path.is_dir():
            raise RunError(f"{path} is not a run: it holds no {RECIPE}; pass a run's folder.")
    raise RunError(f"There is no run {str(name)!r}{_nearest(str(name))}.")


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    names = [run.path.name for run in every()]
    close = get_close_matches(name, names, 1, 0.5)
    if close:
        return f"; did you mean {close[0]}?"[:-1]
    return f"; 'trimaran show runs' lists those in {root()}"


BESIDE = (("mse_standardized", "MSE"), ("mae_standardized", "MAE"), ("mase", "MASE"))
"""What stands in the terminal of forecasters; errors are of standardised values."""


def _cell(score: Mapping[str, Any] | None) -> str:
    value = (score or {}).get("value")
    return "–" if value is None else f"{value:.4f}"


class Scores(Mapping[str, Any]):
    """What scores.json says: split -> metric -> value, low, high; `raw` is the whole file."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    def __getitem__(self, split: str) -> Any:
        return self.raw["splits"][split]["metrics"]

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw["splits"])

    def __len__(self) -> int:
        return len(self.raw["splits"])

    def rows(self) -> list[tuple[str, str, str, str]]:
        """(split, metric, value, interval) as text."""
        return [
            (split, metric.replace("_", " "), *shown(metric, score))
            for split, metrics in self.items()
            for metric, score in metrics.items()
        ]

    def beside(self) -> list[str]:
        """Of forecasts: the network beside its baselines, split by split, and the verdict."""
        lines = []
        for split, found in self.raw["splits"].items():
            if "verdict" not in found:
                continue
            everyone = {"network": found["metrics"], **found["baselines"]}
            lines.append(f"{split:<16}" + "".join(f"{name:>10}" for _, name in BESIDE))
            for name, metrics in everyone.items():
                cells = [_cell(metrics.get(key)) for key, _ in BESIDE]
                lines.append(f"  {name.replace('_', ' '):<14}" + "".join(f"{c:>10}" for c in cells))
            lines.append(f"  {found['verdict']}")
        return lines

    def __repr__(self) -> str:
        rows = [f"{s:<11} {m:<28} {v:>9}  {i}".rstrip() for s, m, v, i in self.rows()]
        return "\n".join([*rows, *self.beside()])

    def _repr_html_(self) -> str:
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows()
        )
        head = "<tr><th>split</th><th>metric</th><th>value</th><th>95 % interval</th></tr>"
        return f"<table>{head}{body}</table>"


PERCENT = ("accuracy", "precision", "recall", "f1")


def shown(metric: str, score: Mapping[str, Any]) -> tuple[str, str]:
    """A score and its interval as text: rates in percent, the rest as numbers."""
    if score.get("value") is None:
        return "none", str(score.get("reason", ""))
    if metric.startswith(PERCENT):
        texts = [f"{100 * score[key]:.2f} %" for key in ("value", "low", "high")]
    else:
        texts = [f"{score[key]:.4g}" for key in ("value", "low", "high")]
    return texts[0], f"{texts[1]} to {texts[2]}"


class RunFiles:
    """A run, read from its folder when asked. Nothing is kept but what was read."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with every value written out."""
        from trimaran.recipe import read

        return read(self.path / RECIPE)

    @cached_property
    def model(self) -> Model:
        """The description."""
        from trimaran.spec import from_json

        path = self.path / MODEL
        return from_json(read_json(path), str(path))

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The arrays of `model.safetensors`, checked against the description.

        Raises `RunError` where training was cut off before it wrote them, with how to go on.
        """
        from trimaran.weights import check, load

        if not self.finished and not (self.path / WEIGHTS).is_file():
            raise RunError(
                f"{self.path} has no weights yet: its training was cut off, or still goes on; "
                f"after a cut, go on with: trimaran train --resume {shlex.quote(str(self.path))}"
            )
        arrays = load(self.path / WEIGHTS)
        check(self.model, arrays, str(self.path / WEIGHTS))
        return arrays

    @cached_property
    def preprocess(self) -> Preprocess:
        """How raw rows become the model's, fitted on the training split."""
        from trimaran.data.preprocess import Preprocess

        return Preprocess.from_json(read_json(self.path / PREPROCESS))

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, hardware, seed, execution."""
        return dict(read_json(self.path / ENVIRONMENT))

    @property
    def scores(self) -> Scores:
        """Scores per split with 95 % intervals."""
        return Scores(read_json(self.path / SCORES))

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event of training; a last line that was cut off by a crash is left out."""
        try:
            lines = (self.path / EVENTS).read_text("utf-8").splitlines()
        except OSError as error:
            raise RunError(f"{self.path / EVENTS} cannot be read ({error.strerror}).") from None
        return [event for event in map(_event, lines) if event]

    @property
    def report(self) -> Path:
        """Where the report is, or will be."""
        return self.path / REPORT

    @property
    def finished(self) -> bool:
        """Whether the run was scored, the last thing that training does."""
        return (self.path / SCORES).is_file()

    def headline(self) -> str:
        """The first score of the test split, or of validation, in words."""
        if not self.finished:
            return "unfinished"
        scores = self.scores
        split = best_split(scores)
        metric, score = next(iter(scores[split].items()))
        value, interval = shown(metric, score)
        return f"{split} {metric} {value} ({interval})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}): {self.headline()}"


def _event(line: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(line))
    except ValueError:
        return None
