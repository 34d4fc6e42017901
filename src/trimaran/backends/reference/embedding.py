"""Rows of a table by number."""

from __future__ import annotations

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer
from trimaran.spec.layers import Embedding


def lookup(layer: Embedding, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = W[i], which is the one-hot row of i times W."""
    at = np.asarray(inputs[0], np.int64)
    return parameters["weight"][at], at


def lookup_backward(
    layer: Embedding, parameters: Parameters, cache: Array, gradient: Array
) -> Backward:
    """∂L/∂W[i] = Σ δ over the places where i stands; a number has no gradient."""
    found = np.zeros_like(parameters["weight"])
    np.add.at(found, cache, gradient)
    return (np.zeros(cache.shape),), {"weight": found}


RULES: dict[type[Layer], Rule] = {Embedding: Rule(lookup, lookup_backward)}
