"""Rows of a table by number, and one-hot rows."""

from __future__ import annotations

import numpy as np

from trimaran.backends.reference.arrays import Array, Arrays, Backward, Forward, Parameters, Rule
from trimaran.spec import Layer
from trimaran.spec.layers import Embedding, OneHot


def lookup(layer: Embedding, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """y = W[i], which is the one-hot row of i times W."""
    at = np.asarray(inputs[0], np.int64)
    return parameters["weight"][at], at


def lookup_backward(
    layer: Embedding, parameters: Parameters, cache: Array, gradient: Array
) -> Backward:
    """∂L/∂W[i] = Σ δ over the places where i stands, but 0 for the padding; a number has none."""
    found = np.zeros_like(parameters["weight"])
    np.add.at(found, cache, gradient)
    if layer.padding_index is not None:
        found[layer.padding_index] = 0
    return (np.zeros(cache.shape),), {"weight": found}


def one_hot(layer: OneHot, parameters: Parameters, inputs: Arrays, training: bool) -> Forward:
    """Row i of the unit matrix."""
    at = np.asarray(inputs[0], np.int64)
    return np.eye(layer.depth)[at], at


def one_hot_backward(
    layer: OneHot, parameters: Parameters, cache: Array, gradient: Array
) -> Backward:
    """A number has no gradient."""
    return (np.zeros(cache.shape),), {}


RULES: dict[type[Layer], Rule] = {
    Embedding: Rule(lookup, lookup_backward),
    OneHot: Rule(one_hot, one_hot_backward),
}
