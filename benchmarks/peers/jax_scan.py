"""JAX: one compiled call per epoch, `jax.lax.scan` over its batches.  The MLP only.

Adam by its formula (Kingma and Ba 2015), as JAX itself ships no optimizer; Glorot weights.
On a CPU a scan over *convolutions* loses XLA's fast kernels, hence no CNN here.
"""

from typing import Any

import common
import jax
import jax.numpy as jnp

Tree = Any


def glorot(key: jax.Array, inputs: int, outputs: int) -> dict[str, jax.Array]:
    weight = jax.nn.initializers.glorot_uniform()(key, (inputs, outputs))
    return {"weight": weight, "bias": jnp.zeros(outputs)}


def initial(key: jax.Array) -> Tree:
    first, second = jax.random.split(key)
    return {"hidden": glorot(first, 784, 128), "output": glorot(second, 128, 10)}


def logits(net: Tree, x: jax.Array) -> jax.Array:
    hidden = jax.nn.relu(x @ net["hidden"]["weight"] + net["hidden"]["bias"])
    return hidden @ net["output"]["weight"] + net["output"]["bias"]


def loss(net: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    log_probability = jax.nn.log_softmax(logits(net, x))
    return -jnp.take_along_axis(log_probability, y[:, None], axis=1).mean()


def adam(net: Tree, gradient: Tree, state: Tree) -> tuple[Tree, Tree]:
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
    rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    net = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), net, m, v)
    return net, (m, v, t)


def epoch_function(batch: int) -> Any:
    def step(carry: Tree, rows: tuple[jax.Array, jax.Array]) -> tuple[Tree, jax.Array]:
        net, state = carry
        value, gradient = jax.value_and_grad(loss)(net, *rows)
        return adam(net, gradient, state), value

    @jax.jit
    def epoch(carry: Tree, x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[Tree, jax.Array]:
        steps = len(x) // batch
        order = jax.random.permutation(key, len(x))[: steps * batch]
        batches = x[order].reshape(steps, batch, 784), y[order].reshape(steps, batch)
        return jax.lax.scan(step, carry, batches)

    return epoch


@jax.jit
def accuracy(net: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    return (logits(net, x).argmax(1) == y).mean()


def main() -> None:
    settings = common.settings()
    x, y, x_val, y_val = common.mnist(settings.rows)
    x, x_val = x.reshape(-1, 784), x_val.reshape(-1, 784)
    x, y, x_val, y_val = (jnp.asarray(a) for a in (x, y, x_val, y_val))
    key = jax.random.key(settings.seed)
    net = initial(key)
    zeros = jax.tree.map(jnp.zeros_like, net)
    carry = (net, (zeros, zeros, jnp.zeros(())))
    epoch = epoch_function(settings.batch)

    clock = common.Clock(len(x) // settings.batch * settings.batch)
    for number in range(settings.epochs):
        clock.begin()
        carry, losses = epoch(carry, x, y, jax.random.fold_in(key, number))
        losses.block_until_ready()
        clock.trained()
        clock.validated(accuracy(carry[0], x_val, y_val).item())
    clock.report(sum(p.size for p in jax.tree.leaves(net)), ("jax", "jaxlib"), "float32")


if __name__ == "__main__":
    main()
