"""The optimizers by name. Each is defined once, in `rules` or `moments`: every backend's update
must equal that formula."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trimaran.training.moments import Adam, Adamax, AdamW, Muon, NAdam
from trimaran.training.naming import name_of, named
from trimaran.training.rules import SGD, Adadelta, Adagrad, Lion, RMSProp

Optimizer = SGD | Adam | AdamW | RMSProp | Adagrad | Adadelta | NAdam | Adamax | Lion | Muon

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSProp,
    "adagrad": Adagrad,
    "adadelta": Adadelta,
    "nadam": NAdam,
    "adamax": Adamax,
    "lion": Lion,
    "muon": Muon,
}


def optimizer(value: Optimizer | str | Mapping[str, Any]) -> Optimizer:
    """The optimizer of a name, or of {"name": "adam", "learning_rate": 1e-3}; else RecipeError."""
    chosen = value.lower() if isinstance(value, str) else value
    return named(OPTIMIZERS, chosen, "optimizer")


def optimizer_json(value: Optimizer) -> dict[str, Any]:
    """Every argument written out, in the form that `optimizer` reads."""
    return {"name": name_of(OPTIMIZERS, value), **asdict(value)}


def first_slot(given: Optimizer, slot: str) -> float:
    """The number that fills a slot before the first update."""
    return given.initial_accumulator_value if isinstance(given, Adagrad) else 0.0


__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RMSProp",
    "first_slot",
    "optimizer",
    "optimizer_json",
]
