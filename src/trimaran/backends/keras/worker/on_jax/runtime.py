"""How JAX runs traced steps: one program an update, or a loop of updates in one program."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from trimaran.backends.keras.worker.memory import Tree, gathered, outside

# XLA on a CPU loses its fast convolutions inside a loop (a hundred times slower), while a small
# dense network spends most of its time between programs.
SPAN = 32


def prepare(threads: int) -> None:
    """Settle the threads: a device for each, see `placed`. Before the first computation."""
    os.environ["PJRT_NPROC"] = str(threads)  # without it every core is taken, whatever is asked
    jax.config.update("jax_num_cpu_devices", threads)  # type: ignore[no-untyped-call]
    if threads == 1:
        given = "--xla_cpu_multi_thread_eigen=false"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {given}".strip()


def put(values: np.ndarray) -> jax.Array:
    """A copy on the device, which a program may take over."""
    made: jax.Array = jax.device_put(values, may_alias=False)
    return made


def fetch(tree: Any) -> Any:
    """The tree's arrays as NumPy's own."""
    return jax.tree.map(np.array, jax.device_get(tree))


def gradient(f: Callable[[Tree], tuple[Any, Any]], weights: Tree) -> tuple[Any, Tree]:
    """What `f` gives beside its loss, and the loss's gradient at the weights."""
    (_, rest), found = jax.value_and_grad(f, has_aux=True)(weights)
    return rest, found


def traced(f: Callable[..., Any]) -> Callable[..., Any]:
    """The function as one program for each set of shapes."""
    return jax.jit(f)


Place = Callable[[Tree, Tree], tuple[Tree, Tree]]


def placed(shared: int) -> Place:
    """(resident, batch) -> the same, as they go into a traced function.

    XLA runs much of a convolutional network on one thread. So its rows, `shared` in a full batch,
    are shared out among as many devices as there are threads and as take equal shares, each of
    which has all weights; sums over rows are then added up across them, so the meaning stays
    (GSPMD: Y. Xu et al., 2021). Rows of another number that cannot be shared out evenly are
    computed on every device.
    """
    devices = _devices(shared)
    if len(devices) == 1:
        return lambda resident, batch: (resident, batch)

    def place(resident: Tree, batch: Tree) -> tuple[Tree, Tree]:
        found = gathered(batch, resident, outside)
        rows = {key: found[key] for key in ("inputs", "targets", "weights") if key in found}
        even = len(next(iter(rows["targets"].values()))) % len(devices) == 0
        given = jax.device_put(rows, _sharding(devices, "rows" if even else None))
        return {}, {**{k: v for k, v in batch.items() if k != "index"}, **given}

    return place


def _devices(shared: int) -> list[jax.Device]:
    found = jax.devices()
    several = [n for n in range(1, len(found) + 1) if shared and shared % n == 0]
    return found[: max(several, default=1)]


def _sharding(devices: list[jax.Device], axis: str | None) -> NamedSharding:
    """On these devices: a share of the rows each, or everything."""
    mesh = Mesh(np.array(devices), ("rows",))
    return NamedSharding(mesh, PartitionSpec(axis))  # type: ignore[no-untyped-call]


def span_of(shared: int) -> int:
    """How many updates to be asked for at once."""
    return 4 if shared else SPAN


Step = Callable[[Tree, Tree, Tree], tuple[Tree, Any]]
Program = Callable[[Tree, Tree, Tree, int], tuple[Tree, list[tuple[Any, int]]]]


def program(step: Step, shared: int) -> Program:
    """(state, resident, items, how many) -> (state, their numbers), in the state's memory.

    `items` have a leading axis of the updates. With one update or many, the same program runs, so
    that bits do not depend on where a run was cut. `shared` as in `placed`.
    """
    return _single(step, shared) if shared else _looped(step)


def _single(step: Step, shared: int) -> Program:
    place, everywhere = placed(shared), _sharding(_devices(shared), None)
    one = jax.jit(step, donate_argnums=0, out_shardings=everywhere)

    def run(state: Tree, resident: Tree, items: Tree, count: int) -> Any:
        rows = []
        if any(a.sharding != everywhere for a in jax.tree.leaves(state)):
            # As a step gives it back: a fresh state would have a program compiled for itself.
            state = jax.device_put(state, everywhere)
        for i in range(count):
            item = jax.tree.map(lambda a, i=i: a[i], items)
            state, row = one(state, *place(resident, item))
            rows.append((row, 1))
        return state, rows

    return run


def _looped(step: Step) -> Program:
    one = jax.jit(step)  # which is traced once, for its numbers' shape and for the loop

    def several(state: Tree, resident: Tree, items: Tree, count: Any) -> tuple[Tree, Any]:
        first = jax.tree.map(lambda a: a[0], items)
        row = jax.eval_shape(one, state, resident, first)[1]

        def body(i: Any, carried: tuple[Tree, Any]) -> tuple[Tree, Any]:
            state, rows = carried
            state, row = one(state, resident, jax.tree.map(lambda a: a[i], items))
            return state, rows.at[i].set(row)

        length = jax.tree.leaves(items)[0].shape[0]
        empty = jnp.zeros((length, *row.shape), row.dtype)
        looped: tuple[Tree, Any] = jax.lax.fori_loop(0, count, body, (state, empty))
        return looped

    many = jax.jit(several, donate_argnums=0)

    def run(state: Tree, resident: Tree, items: Tree, count: int) -> Any:
        length = SPAN if "index" in items else count
        padded = jax.tree.map(lambda a: _padded(a, length), items)
        state, rows = many(state, resident, padded, np.int32(count))
        return state, [(rows, count)]

    return run


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    if len(values) == length:
        return values
    return np.concatenate([values, np.repeat(values[:1], length - len(values), axis=0)])


def version() -> dict[str, str]:
    """Of the framework."""
    return {"jax": jax.__version__}
