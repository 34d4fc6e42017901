"""Small sets that need no file of ours: scikit-learn's tables and digits, and truth tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from trimaran.data.raw import RawImages, RawTable
from trimaran.errors import DataError

# name -> (loader in sklearn.datasets, origin)
TABLES = {
    "iris": ("load_iris", "Iris (Fisher 1936)"),
    "wine": ("load_wine", "Wine recognition (Aeberhard 1991)"),
    "breast-cancer": ("load_breast_cancer", "Breast Cancer Wisconsin (Wolberg 1995)"),
    "diabetes": ("load_diabetes", "Diabetes (Efron et al. 2004)"),
}
# outputs for the inputs (0,0), (0,1), (1,0), (1,1)
TRUTH = {"and": (0, 0, 0, 1), "or": (0, 1, 1, 1), "xor": (0, 1, 1, 0)}
TARGET = "target"
BUNDLED = ("digits", *TABLES, *TRUTH)


def load_bundled(name: str) -> RawImages | RawTable:
    """One of `BUNDLED`; the target of a table stands in its column "target"."""
    if name == "digits":
        return _digits()
    if name in TRUTH:
        return _truth(name)
    loader, origin = TABLES[name]
    bunch = _sklearn(loader)
    columns = {str(n): bunch.data[:, k] for k, n in enumerate(bunch.feature_names)}
    names = getattr(bunch, "target_names", None)
    target = bunch.target if names is None else np.asarray(names).astype(object)[bunch.target]
    return RawTable(name, {**columns, TARGET: target}, where=name, facts=_facts(origin))


def _digits() -> RawImages:
    bunch = _sklearn("load_digits")
    return RawImages(
        name="digits",
        images=bunch.images.astype(np.uint8)[..., None],
        labels=bunch.target,
        classes=tuple("0123456789"),
        top=16.0,
        facts=_facts("Optical recognition of handwritten digits (Alpaydin and Kaynak 1998)"),
    )


def _truth(name: str) -> RawTable:
    columns = {
        "a": np.array([0.0, 0.0, 1.0, 1.0]),
        "b": np.array([0.0, 1.0, 0.0, 1.0]),
        TARGET: np.array(TRUTH[name], np.float64),
    }
    return RawTable(name, columns, where=name, facts={"origin": f"the truth table of {name}"})


def _facts(origin: str) -> dict[str, str]:
    return {"origin": origin, "licence": "BSD-3-Clause with scikit-learn", "found in": "sklearn"}


def _sklearn(loader: str) -> Any:
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DataError(
            "This set comes with scikit-learn, which is not installed; run "
            "'pip install scikit-learn'."
        ) from error
    return getattr(datasets, loader)()
