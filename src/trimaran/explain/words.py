"""The most telling words of a text: integrated gradients (Sundararajan et al. 2017, eq. 1).

A word's share is the inner product of its vector e with the mean gradient of the answer along the
straight line from no vector at all, 0, to e. The line is walked by scaling the whole table of
vectors, so the network itself is asked as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from trimaran.backends.protocol import Network
from trimaran.spec import Model
from trimaran.spec.layers import Embedding
from trimaran.tasks.loss import Loss

POINTS = 16  # of Gauss and Legendre, on the line
Build = Callable[[Mapping[str, np.ndarray]], Network]


def table_of(model: Model) -> str | None:
    """The path of the one table that the model's first input is looked up in."""
    found = {
        leaf.path
        for leaf in model.leaves
        if isinstance(leaf.layer, Embedding) and leaf.inputs == (0,)
    }
    return found.pop() if len(found) == 1 else None


def word_shares(
    build: Build, model: Model, weights: Mapping[str, np.ndarray], tokens: np.ndarray, answer: Any
) -> np.ndarray:
    """(N, time) shares of each token in what speaks for the answer; their sum is about how far the
    answer's logarithm lies above that of a text without words.

    tokens: (N, time) int32; answer: (output name, loss, targets (N, ...)), the loss being the
    negative logarithm of the answer's probability.
    """
    path = table_of(model)
    if path is None:
        raise ValueError(f"{model.name} looks its first input up in no single table")
    key, (name, loss, targets) = f"{path}.weight", answer
    port = model.inputs[0].name
    places, shares = np.polynomial.legendre.leggauss(POINTS)
    slope = np.zeros((*tokens.shape, weights[key].shape[1]))
    for place, share in zip((places + 1) / 2, shares / 2, strict=True):
        network = build({**weights, key: (weights[key] * place).astype(weights[key].dtype)})
        slope += share * _slope(network, path, {port: tokens}, (name, loss, targets))
    vectors = weights[key][tokens]
    return np.asarray(-(slope * vectors).sum(axis=-1) * (tokens != 0))


def _slope(
    network: Network, path: str, inputs: Mapping[str, np.ndarray], answer: tuple[str, Loss, Any]
) -> np.ndarray:
    """∂loss/∂vector of each token, row by row: a loss is the mean over its rows."""
    name, loss, targets = answer
    found = network.gradients(inputs, {name: targets}, {name: loss}, [path])
    return np.asarray(found.taps[path] * len(targets), np.float64)
