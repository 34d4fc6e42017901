"""JAX's programs of an update: how often they are traced and compiled."""

from __future__ import annotations

from tests.plain_keras import LEAN, on_jax

CODE = (
    LEAN
    + """
import logging
import jax, jax.numpy as jnp, numpy as np
from trimaran.backends.keras.worker.on_jax import runtime

compiled = []
class Noted(logging.Handler):
    def emit(self, record):
        text = record.getMessage()
        if text.startswith("Finished XLA compilation") and "jit(" in text:
            compiled.append(text.partition("jit(")[2].partition(")")[0])
jax.config.update("jax_log_compiles", True)
log = logging.getLogger("jax._src.dispatch")
log.propagate = False
log.addHandler(Noted())
runtime.prepare(2)

traces = []
def step(state, resident, item):
    traces.append(1)
    new = {"w": state["w"] + item["targets"]["y"].sum() + item["decay"]}
    return new, jnp.stack([new["w"].sum(), item["decay"]])

def fresh():
    return {"w": runtime.put(np.zeros(3, np.float32))}

def items(count):
    rows = np.ones((count, 4, 2), np.float32)
    return {"inputs": {"x": rows}, "targets": {"y": rows}, "decay": np.ones(count, np.float32)}

for shared in (0, 4):  # a loop of updates, and rows that two threads share
    traces.clear()
    compiled.clear()
    many = runtime.program(step, shared)
    for state in (fresh(), fresh()):
        for _ in range(3):
            state, rows = many(state, {}, items(2), 2)
    made = np.concatenate([np.atleast_2d(row)[:count] for row, count in rows])
    assert made.tolist() == [[135.0, 1.0], [162.0, 1.0]], made
    print(len(traces), sum(name in ("step", "several") for name in compiled))
"""
)


def test_an_update_is_traced_and_compiled_once() -> None:
    """Also behind the first one, and where a restored state begins again."""
    assert on_jax(CODE) == ["1 1", "1 1"]
