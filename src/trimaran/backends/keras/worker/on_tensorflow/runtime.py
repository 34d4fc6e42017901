"""How TensorFlow runs traced steps: a graph that loops over updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from trimaran.backends.keras.worker.memory import Tree

# Updates of one call: enough that a call's milliseconds do not count.
SPAN = 16


def prepare(threads: int) -> None:
    """Settle the threads, before the first computation."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(max(1, threads))


def put(values: np.ndarray) -> tf.Tensor:
    """A copy on the device."""
    return tf.constant(values)


def fetch(tree: Any) -> Any:
    """The tree's arrays as NumPy's own."""
    return tf.nest.map_structure(np.array, tree)


def gradient(f: Callable[[Tree], tuple[Any, Any]], weights: Tree) -> tuple[Any, Tree]:
    """What `f` gives beside its loss, and the loss's gradient at the weights.

    Gradients of an embedding come as slices whose repeated rows are not yet added; a tensor adds
    them, and an optimizer that squares needs that. Some come without their shape.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(list(weights.values()))
        loss, rest = f(weights)
    zero = tf.UnconnectedGradients.ZERO
    found = tape.gradient(loss, weights, unconnected_gradients=zero)
    return rest, {
        name: tf.ensure_shape(tf.convert_to_tensor(g), weights[name].shape)
        for name, g in found.items()
    }


def traced(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a graph; shapes that change are left open."""
    graph: Callable[..., Any] = tf.function(f, reduce_retracing=True, autograph=False)
    return graph


def placed(shared: int) -> Callable[[Tree, Tree], tuple[Tree, Tree]]:
    """(resident, batch) -> the same, as they go into a traced function: as they are."""
    return lambda resident, batch: (resident, batch)


def span_of(shared: int) -> int:
    """How many updates one call makes."""
    return SPAN


Step = Callable[[Tree, Tree, Tree], tuple[Tree, Any]]
Program = Callable[[Tree, Tree, Tree, int], tuple[Tree, list[tuple[Any, int]]]]


def program(step: Step, shared: int) -> Program:
    """(state, resident, items, how many) -> (state, their numbers).

    `items` have a leading axis of the updates, and the graph loops over it: one graph for any
    number of updates and any number of rows of one size.
    """
    graphs: dict[str, Any] = {}

    def run(state: Tree, resident: Tree, items: Tree, count: int) -> Any:
        kind = str(tf.nest.map_structure(lambda a: a.shape[2:], items))
        if kind not in graphs:
            graphs[kind] = _graph(step, state, resident, items)
        state, rows = graphs[kind](state, items)
        return state, [(rows, count)]

    return run


def _graph(step: Step, state: Tree, resident: Tree, items: Tree) -> Any:
    def several(state: Tree, items: Tree) -> tuple[Tree, Any]:
        count = tf.shape(items["seed"])[0]
        rows = tf.TensorArray(items["decay"].dtype, size=count)

        def body(i: Any, state: Tree, rows: Any) -> tuple[Any, Tree, Any]:
            item = tf.nest.map_structure(lambda a: a[i], items)
            new, row = step(state, resident, item)
            # A gradient may come without its shape, and a loop must keep those it began with.
            new = tf.nest.map_structure(lambda a, b: tf.ensure_shape(a, b.shape), new, state)
            return i + 1, new, rows.write(i, row)

        def unfinished(i: Any, *_: Any) -> Any:
            return i < count

        carried = (tf.constant(0), state, rows)
        _, state, rows = tf.while_loop(unfinished, body, carried, parallel_iterations=1)
        return state, rows.stack()

    specs = tf.nest.map_structure(_open, items)
    specs["seed"] = tf.TensorSpec([None, 2], tf.uint32)
    known = tf.nest.map_structure(lambda t: tf.TensorSpec(t.shape, t.dtype), state)
    return tf.function(several, input_signature=[known, specs], autograph=False)


def _open(a: np.ndarray) -> tf.TensorSpec:
    """Any number of updates, and of rows."""
    rows = [None] if a.ndim > 1 else []
    return tf.TensorSpec([None, *rows, *a.shape[2:]], a.dtype)


def version() -> dict[str, str]:
    """Of the framework."""
    return {"tensorflow": tf.__version__}
