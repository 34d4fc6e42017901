"""A run as data: YAML that mirrors the dataclasses of the rooms, checked key by key.

There is no second schema: `data:` is a `DataSettings`, `training:` a `Training`, and an unknown
key is told with the nearest known one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trimaran.data.settings import DataSettings
from trimaran.errors import RecipeError
from trimaran.keys import build, check, plain, tagged, types
from trimaran.training.settings import Training

BACKENDS = ("torch", "tensorflow", "jax")
TASKS = (None, "classify", "regress", "language", "forecast")
RECIPES = Path(__file__).with_name("recipes")
# Where one of these is given later, the earlier one gives way.
RIVALS = {"data": ("set", "path"), "model": ("zoo", "spec")}


@dataclass(frozen=True)
class ModelSettings:
    """Which description: `zoo` names an architecture, `spec` is the path of a model.json.

    zoo:         a name of the zoo; None lets the data's kind choose
    spec:        a description that was saved before, or comes from another run
    input_shape: channels-last, without the batch; None takes the data's
    classes:     units of the output; None takes the data's; 1 is one sigmoid for two classes
    weights:     where training starts from: a .safetensors of this model, of a public checkpoint
        (torchvision's; keras.applications' as .h5), or a run; None draws them
    """

    zoo: str | None = None
    spec: str | None = None
    input_shape: tuple[int, ...] | None = None
    classes: int | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.zoo and self.spec:
            raise RecipeError(
                f"model.zoo is {self.zoo!r} and model.spec is {self.spec!r}; give one of them."
            )


@dataclass(frozen=True)
class Recipe:
    """A run before it runs.

    name:     of its folder
    task:     "classify", "regress", "language" or "forecast"; None lets the target decide
    data:     what to learn from and how to prepare it; a name alone is `set`
    model:    the network; a name alone is `zoo`
    training: how to train
    backend:  "torch", or Keras 3 on "tensorflow" or "jax"
    """

    name: str = "run"
    task: str | None = None
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    training: Training = field(default_factory=Training)
    backend: str = "torch"

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise RecipeError(
                f"task is {self.task!r}; expected classify, regress, language or forecast."
            )
        if self.backend not in BACKENDS:
            raise RecipeError(
                f"backend is {self.backend!r}, which this Trimaran does not have; "
                f"expected {' or '.join(BACKENDS)}."
            )
        if self.task and self.data.task and self.task != self.data.task:
            raise RecipeError(
                f"task is {self.task!r} and data.task is {self.data.task!r}; give one of them."
            )

    def data_settings(self) -> DataSettings:
        """The `data:` block with the task of the whole."""
        return replace(self.data, task=self.task or self.data.task)

    def to_yaml(self) -> str:
        """Every value written out; `read` gives the same recipe back."""
        import yaml

        return yaml.safe_dump(plain(self), sort_keys=False, allow_unicode=True, width=100)


@dataclass(frozen=True)
class Layer:
    """Values from one place: a file, the command line, the arguments of a call."""

    where: str
    values: Mapping[str, Any]


def names() -> list[str]:
    """The recipes that come with Trimaran."""
    return sorted(path.stem for path in RECIPES.glob("*.yaml"))


def read(path: Path) -> Recipe:
    """A recipe file.

    Raises:
        RecipeError: it cannot be read, has an unknown key, or a value of another type.
    """
    return load(path)


def load(source: str | Path | Mapping[str, Any] | Recipe, *changes: Layer) -> Recipe:
    """A recipe by its name, its file, or its values, with later values over earlier ones.

    Raises:
        RecipeError: no such recipe, an unknown key, or a value that cannot be.
    """
    first = _first(source)
    layers = [Layer(each.where, spelled(each.values)) for each in (first, *changes)]
    for each in layers:
        check(Recipe, each.values, each.where)
    merged: dict[str, Any] = {}
    for each in layers:
        merged = merge(merged, each.values)
    return build(Recipe, merged, lambda path: blame(layers, path))


def spelled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Short forms written out: `data: mnist`, `model: resnet18`, `optimizer: sgd`."""
    full = dict(values)
    for block, key in (("data", "set"), ("model", "zoo")):
        if isinstance(full.get(block), str):
            full[block] = {key: full[block]}
    training = full.get("training")
    if isinstance(training, Mapping):
        named = {key for key, hint in types(Training).items() if tagged(hint) is not None}
        full["training"] = {
            key: {"name": value} if key in named and isinstance(value, str) else value
            for key, value in training.items()
        }
    return full


def blame(layers: Sequence[Layer], path: str) -> str:
    """The last place that gave a value at this path."""
    for each in reversed(layers):
        value: Any = each.values
        for part in path.strip(".").split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None:
            return each.where
    return layers[0].where


def _first(source: str | Path | Mapping[str, Any] | Recipe) -> Layer:
    if isinstance(source, Recipe):
        return Layer(f"recipe {source.name}", plain(source))
    if isinstance(source, Mapping):
        return Layer("the recipe", source)
    path = locate(source)
    return Layer(str(path), {"name": path.stem, **parse(path)})


def locate(source: str | Path) -> Path:
    """The file of a recipe that is named or given by its path.

    Raises:
        RecipeError: there is none; the text names the nearest recipe.
    """
    path = Path(source)
    if path.is_file():
        return path
    if path.is_dir() and (path / "recipe.yaml").is_file():
        return path / "recipe.yaml"
    known = RECIPES / f"{source}.yaml"
    if known.is_file():
        return known
    raise _no_recipe(str(source))


def _no_recipe(name: str) -> RecipeError:
    from difflib import get_close_matches

    if name.endswith((".yaml", ".yml")) or "/" in name:
        return RecipeError(f"There is no recipe file {name}; check the path.")
    near = get_close_matches(name, names(), 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}."
    return RecipeError(
        f"There is no recipe {name!r}; {hint} For your own data: trimaran train --data PATH."
    )


def parse(path: Path) -> dict[str, Any]:
    """The values in a YAML file.

    Raises:
        RecipeError: it cannot be read, is not YAML, names a key twice, or is no mapping.
    """
    import yaml

    try:
        text = path.read_text("utf-8")
        _refuse_repeated(yaml.compose(text, yaml.SafeLoader), path)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError(f"{path} line {line}: {error.problem or error.context}.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{path} cannot be read as YAML ({error}).") from None
    if not isinstance(values, dict):
        raise RecipeError(
            f"{path} holds {type(values).__name__} instead of keys such as 'data:' and 'model:'."
        )
    return values


def _refuse_repeated(node: Any, path: Path) -> None:
    """YAML lets the last of two equal keys win in silence."""
    pairs = node.value if node is not None and node.id == "mapping" else []
    seen: set[str] = set()
    for key, value in pairs:
        if key.value in seen:
            line = key.start_mark.line + 1
            raise RecipeError(f"{path} line {line}: the key {key.value!r} stands there twice.")
        seen.add(key.value)
        _refuse_repeated(value, path)


def overrides(words: list[str]) -> Layer:
    """`training.epochs=3` and its like, as YAML reads the values.

    What is chosen comes before its arguments, however they are ordered: `training.optimizer=sgd`
    before `training.optimizer.momentum=0.9`.

    Raises:
        RecipeError: a word without "=", a value that is not YAML, or two words of which one leaves
            no place for the other.
    """
    values: dict[str, Any] = {}
    for word, parts, value in sorted(map(_override, words), key=_rank):
        _refuse_lost(word, parts, values)
        for part in reversed(parts):
            value = {part: value}
        values = merge(values, spelled(value))
    return Layer("the command line", values)


Override = tuple[str, list[str], Any]
"""A word of the command line, its key's parts, its value."""


def _override(word: str) -> Override:
    import yaml

    key, equals, text = word.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"{word!r} is no setting; write KEY=VALUE as in training.epochs=3.")
    try:
        return word, key.strip().split("."), yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"{word}: the value is not YAML; put it into quotes.") from None


def _rank(given: Override) -> tuple[int, bool]:
    _, parts, _ = given
    return len(parts), parts[-1] != "name"


def _refuse_lost(word: str, parts: Sequence[str], values: Mapping[str, Any]) -> None:
    """Hold that what is set below a key does not push out what was given for the key itself."""
    held: Any = values
    for depth, part in enumerate(parts[:-1], 1):
        held = held.get(part, {})
        if not isinstance(held, Mapping):
            key = ".".join(parts[:depth])
            raise RecipeError(f"{word}: {key} is given as {held!r} as well; give one of them.")


def merge(old: Mapping[str, Any], new: Mapping[str, Any], at: str = "") -> dict[str, Any]:
    """`new` over `old`, mapping by mapping; another `name` replaces a mapping as a whole."""
    merged = dict(old)
    for name in RIVALS.get(at, ()):
        if any(new.get(rival) is not None for rival in RIVALS[at]):
            merged.pop(name, None)
    for key, value in new.items():
        before = merged.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping):
            other = "name" in value and value["name"] != before.get("name")
            merged[key] = dict(value) if other else merge(before, value, key if not at else "-")
        else:
            merged[key] = value
    return merged
