"""A 784-128-10 perceptron on MNIST: where a step takes a millisecond, overhead is everything.

Trimaran, a plain PyTorch loop, Lightning, skorch, Keras on TensorFlow, and `jax.lax.scan` over the
whole epoch. 48,000 rows to train on and 12,000 to validate, the same for all; Adam at 1e-3.

    python benchmarks/mlp.py --rounds 5
"""

import harness
from harness import OURS, PEERS, Contender


def main() -> None:
    options = harness.parse(harness.arguments(__doc__, batch=128, epochs=5))
    with harness.scratch() as folder:
        rows = harness.prepare_rows("mnist", options, folder)
        arguments = ("mlp", *harness.shared(options, rows))
        contenders = [
            Contender("Trimaran", OURS, arguments),
            Contender("PyTorch-DataLoader", PEERS / "torch_loop.py", arguments),
            Contender("Lightning", PEERS / "lightning_fit.py", arguments),
            Contender("skorch", PEERS / "skorch_fit.py", arguments),
            Contender("Keras-TensorFlow", PEERS / "keras_fit.py", arguments),
            Contender("JAX-scan", PEERS / "jax_scan.py", arguments),
        ]
        harness.compare(contenders, options)


if __name__ == "__main__":
    main()
