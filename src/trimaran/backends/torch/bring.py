"""A network out of somebody's own file: `my_model.py:Net` or `package.module:Net`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import nn

from trimaran.backends.torch.reading.example import told
from trimaran.errors import ConversionError

_SHOWN = 8  # names in a sentence


def bring(what: str, weights: Mapping[str, np.ndarray] | None = None) -> nn.Module:
    """The network that the name stands for: an instance, or what a class or function makes when it
    is called without arguments.

    Raises:
        ConversionError: no such file, module or name; it cannot be called so; what it makes is no
            nn.Module; or the weights are not its own.
    """
    place_, _, name = what.rpartition(":")
    if not place_ or not name:
        raise ConversionError(
            f"{what!r} names no network; write FILE.py:NAME or package.module:NAME, with the "
            "class, function or instance after the colon."
        )
    module = _module(place_)
    found = _object(module, name, place_)
    network = _made(found, what)
    if weights is not None:
        _load(network, weights, what)
    return network


def _module(where: str) -> ModuleType:
    path = Path(where)
    if path.suffix == ".py" or path.exists():
        if not path.is_file():
            raise ConversionError(f"{where}: no such file; give the Python file of your network.")
        return _executed(lambda: _from_file(path), where)
    return _executed(lambda: importlib.import_module(where), where)


def _from_file(path: Path) -> ModuleType:
    """The file as a module; files beside it can be imported, as when Python runs it."""
    spec = importlib.util.spec_from_file_location(path.stem, path.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    sys.modules.setdefault(path.stem, module)  # dataclasses and the like look their module up
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    return module


def _executed(load: Callable[[], ModuleType], where: str) -> ModuleType:
    try:
        return load()
    except Exception as error:  # whatever the user's code raises
        raise ConversionError(
            f"{where} cannot be imported: {told(error)}; mend it there, or give another file."
        ) from None


def _object(module: ModuleType, name: str, where: str) -> Any:
    names, own_name = vars(module), module.__name__
    if name in names:
        return names[name]
    own = [
        key
        for key, value in names.items()
        if isinstance(value, nn.Module)
        or (isinstance(value, type | FunctionType) and value.__module__ == own_name)
    ]
    near = get_close_matches(name, own, 1, 0.4)
    hint = f"did you mean {near[0]}?" if near else f"it has {_listed(own)}."
    raise ConversionError(f"{where} has no {name!r}; {hint}")


def _listed(names: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more or "no networks"


def _made(found: Any, what: str) -> nn.Module:
    if callable(found) and not isinstance(found, nn.Module):
        needed = _needed(found)
        if needed:
            raise ConversionError(
                f"{what} needs arguments ({', '.join(needed)}); write a function without arguments "
                "that returns the network, and name that."
            )
        try:
            found = found()
        except Exception as error:  # whatever the user's code raises
            raise ConversionError(f"{what} cannot be made: {told(error)}; mend it there.") from None
    if not isinstance(found, nn.Module):
        raise ConversionError(
            f"{what} is {_article(type(found).__name__)}, and no torch.nn.Module; name a class, a "
            "function that returns a network, or an instance."
        )
    return found


def _needed(maker: Any) -> list[str]:
    """The arguments without which it cannot be called."""
    try:
        parameters = inspect.signature(maker).parameters.values()
    except (TypeError, ValueError):
        return []
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in starred]


def _load(network: nn.Module, weights: Mapping[str, np.ndarray], what: str) -> None:
    own = network.state_dict()
    strange = sorted(set(own) ^ set(weights))
    shaped = sorted(k for k in own if k in weights and own[k].shape != weights[k].shape)
    if strange or shaped:
        key = (strange or shaped)[0]
        why = "lack" if key in own and strange else "have" if strange else "have another shape of"
        raise ConversionError(
            f"the weights {why} {key!r}, so they belong to another network than {what}; give the "
            "file that was saved from its state_dict()."
        )
    network.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in weights.items()})


def _article(word: str) -> str:
    return f"{'an' if word[:1].lower() in 'aeiou' else 'a'} {word}"
