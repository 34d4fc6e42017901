"""Trimaran on TensorFlow and on JAX beside plain Keras `fit` on the same framework.

The MNIST CNN and the 784-128-64-10 perceptron; 48,000 rows to train on and 12,000 to validate, the
same for all; Adam at 1e-3. Each pair is a comparison of its own. The whole process of Trimaran
holds its worker's start and transport, the scores on the test set and the report.

    python benchmarks/hulls.py --rounds 3
    python benchmarks/hulls.py --networks mnist-mlp --backends jax
"""

import harness
from harness import OURS, PEERS, Contender

PEER = {"tensorflow": PEERS / "keras_fit.py", "jax": PEERS / "keras_jax_fit.py"}
NETWORKS = ("cnn", "mnist-mlp")


def main() -> None:
    parser = harness.arguments(__doc__, batch=128, epochs=5)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--backends", nargs="+", choices=PEER, default=tuple(PEER))
    parser.add_argument("--images", type=int, default=0, help="training pictures; 0 takes all")
    options = harness.parse(parser)
    limit = options.images * 70_000 // 48_000
    with harness.scratch() as folder:
        rows = harness.prepare_rows("mnist", options, folder, limit)
        for network in options.networks:
            for backend in options.backends:
                shared = (network, *harness.shared(options, rows))
                ours = (*shared, "--backend", backend, "--precision", "float32")
                contenders = [
                    Contender(f"Trimaran-{backend}", OURS, (*ours, "--limit", str(limit))),
                    Contender(f"Keras-{backend}", PEER[backend], shared),
                ]
                harness.compare(contenders, options)


if __name__ == "__main__":
    main()
