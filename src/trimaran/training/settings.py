"""How to train: every choice of a run except its data and its network."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from trimaran.training.naming import build, require
from trimaran.training.optimizers import Adam, Optimizer, optimizer, optimizer_json
from trimaran.training.schedules import Constant, Schedule, schedule, schedule_json
from trimaran.training.stopping import EarlyStopping

# Settings that change no weight: a run may be resumed with others.
FREE = ("time_limit", "checkpoint_seconds", "checkpoint_epochs", "keep", "evaluate_batch_size")


@dataclass(frozen=True)
class Training:
    """Settings of a run. Where a default has a reason, it was measured on 2 cores (docs and
    `benchmarks/`).

    epochs:       passes over the training rows, at most
    batch_size:   rows of a batch. The MNIST CNN trains 1.4 times as fast per core with 128 as with
        32, and no slower than with 512, whose activations leave the cache
    optimizer:    by its name, or as a mapping of `name` and arguments
    schedule:     of the learning rate, by its name, or as a mapping of `name` and arguments
    clip_norm:    the most that all gradients together may measure (their 2-norm); None is no limit
    clip_value:   the most that each entry of a gradient may measure, either way; None is no limit
    label_smoothing: share of a target that is spread over all classes, from 0 to below 1
    class_weights: "balanced" (rows / (classes * rows of the class)), one per class, or None
    ema:          decay of the moving average of the weights that is evaluated and kept, or None
    early_stopping: when to stop before the last epoch; None is never
    accumulate:   batches whose gradients make one update; their rows share one denominator
    freeze:       globs of dotted paths ("features.*", "conv1") whose weights stay as they are
    augment:      how training pictures and texts may change; None leaves them as they are
    precision:    "float32", "bfloat16", or "auto": bfloat16 where the CPU has AMX tiles or the GPU
        has it (2.0 to 3.1 times as fast on convolutions), else float32; without AMX, bfloat16 is
        emulated and slower
    device:       "cpu", "cuda" or "mps"; "auto" is a GPU where there is one
    threads:      a number; "auto" is OMP_NUM_THREADS where it is set, else the cores idle at the
        start: a core that others keep busy makes two threads 8 times slower than one, because each
        parallel region waits for the slower half
    compile:      "auto" is no `torch.compile`: it costs 4 to 26 s on a CPU and 42 s on a GPU
        (ResNet-18), and every network measured was then slower, or equal. On a GPU the calls of a
        batch are instead recorded once and replayed as one, to the same bits: 1.7 times as fast on
        ResNet-18, 3.5 times on the MNIST CNN. "off" does without that too, "on" compiles
    time_limit:   seconds of training in all, or text like "90s", "10m", "1h30m"; the run stops
        early enough to score what it has
    seed:         of weights, splits, order, dropout and changes of pictures
    shuffle:      draw the rows' order anew in each epoch
    evaluate_batch_size: rows per batch in inference; no result depends on it but by rounding
    checkpoint_seconds: save after so many; None is never. A checkpoint of the MNIST CNN takes
        0.02 s, and the loop waits longer where one takes more than a twentieth of the time
    checkpoint_epochs: also save at the end of every so many epochs
    keep:         how many checkpoints to keep
    """

    epochs: int = 5
    batch_size: int = 128
    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    clip_norm: float | None = None
    clip_value: float | None = None
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | str | None = None
    ema: float | None = None
    early_stopping: EarlyStopping | None = None
    accumulate: int = 1
    freeze: tuple[str, ...] = ()
    augment: Any = None
    precision: str = "auto"
    device: str = "auto"
    threads: int | str = "auto"
    compile: str = "auto"
    time_limit: float | str | None = None
    seed: int = 0
    shuffle: bool = True
    evaluate_batch_size: int = 512
    checkpoint_seconds: float | None = 30.0
    checkpoint_epochs: int | None = None
    keep: int = 2

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "optimizer", optimizer(self.optimizer))
        put(self, "schedule", schedule(self.schedule))
        put(self, "freeze", (self.freeze,) if isinstance(self.freeze, str) else tuple(self.freeze))
        put(self, "time_limit", seconds(self.time_limit))
        if isinstance(self.early_stopping, Mapping):
            rule = build(EarlyStopping, self.early_stopping, "setting early_stopping")
            put(self, "early_stopping", rule)
        if self.class_weights is not None and not isinstance(self.class_weights, str):
            put(self, "class_weights", tuple(float(w) for w in self.class_weights))
        _counts(self)
        _choices(self)
        _ranges(self)

    def to_json(self) -> dict[str, Any]:
        """Every value written out, in the form that `from_json` reads."""
        value = {field.name: getattr(self, field.name) for field in fields(self)}
        value["optimizer"] = optimizer_json(self.optimizer)
        value["schedule"] = schedule_json(self.schedule)
        for name in ("early_stopping", "augment"):
            if is_dataclass(value[name]):
                value[name] = asdict(value[name])
        return {k: list(v) if isinstance(v, tuple) else v for k, v in value.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Training:
        """Settings from a recipe's mapping; `RecipeError` names an unknown key."""
        return build(cls, value, "section training")


def seconds(value: float | str | None) -> float | None:
    """A duration in seconds: a number, or "90s", "10m", "1h30m"; else `RecipeError`."""
    if isinstance(value, str):
        match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", value.strip())
        good = match is not None and any(match.groups())
        require(good, "time_limit", value, "a duration such as 90s, 10m or 1h30m")
        assert match is not None
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        value = hours * 3600 + minutes * 60 + rest
    require(value is None or 0 < value < math.inf, "time_limit", value, "above 0 seconds")
    return value


def _counts(given: Training) -> None:
    for name in ("epochs", "batch_size", "accumulate", "evaluate_batch_size", "keep"):
        value = getattr(given, name)
        whole = isinstance(value, int) and not isinstance(value, bool)
        require(whole and value >= 1, name, value, "a whole number of at least 1")
    good = isinstance(given.seed, int) and 0 <= given.seed < 2**64
    require(good, "seed", given.seed, "a whole number from 0 to 2**64 - 1")
    auto = given.threads == "auto"
    good = auto or (isinstance(given.threads, int) and given.threads >= 1)
    require(good, "threads", given.threads, "auto or a whole number of at least 1")


def _choices(given: Training) -> None:
    choices = {
        "precision": ("auto", "float32", "bfloat16"),
        "device": ("auto", "cpu", "cuda", "mps"),
        "compile": ("auto", "on", "off"),
    }
    if isinstance(given.compile, bool):  # YAML 1.1 reads on and off as booleans
        object.__setattr__(given, "compile", "on" if given.compile else "off")
    for name, known in choices.items():
        value = getattr(given, name)
        require(value in known, name, value, "one of " + ", ".join(known))
    if isinstance(given.class_weights, str):
        good = given.class_weights == "balanced"
        require(good, "class_weights", given.class_weights, "balanced, a list, or nothing")


def _ranges(given: Training) -> None:
    for name in ("clip_norm", "clip_value"):
        value = getattr(given, name)
        require(value is None or 0 < value < math.inf, name, value, "above 0")
    smoothing, ema = given.label_smoothing, given.ema
    require(0 <= smoothing < 1, "label_smoothing", smoothing, "at least 0 and below 1")
    require(ema is None or 0 < ema < 1, "ema", ema, "between 0 and 1")
