"""One CNN on MNIST: Trimaran, Keras `fit` on TensorFlow, Lightning, and a plain PyTorch loop.

Conv2D(32) - pool - Conv2D(64) - pool - Dense(128) - Dense(10): 225,034 parameters, 48,000 rows to
train on and 12,000 to validate, the same for all; Adam at 1e-3.

    python benchmarks/mnist_cnn.py --rounds 5
    python benchmarks/mnist_cnn.py --device cuda --epochs 5
"""

import harness
from harness import OURS, PEERS, Contender


def main() -> None:
    options = harness.parse(harness.arguments(__doc__, batch=128, epochs=2))
    with harness.scratch() as folder:
        rows = harness.prepare_rows("mnist", options, folder)
        shared = harness.shared(options, rows)
        contenders = [
            Contender("Trimaran", OURS, ("cnn", *shared)),
            Contender("Trimaran float32", OURS, ("cnn", *shared, "--precision", "float32")),
            Contender("Keras-TensorFlow", PEERS / "keras_fit.py", ("cnn", *shared)),
            *harness.torch_peers("Lightning", PEERS / "lightning_fit.py", ("cnn", *shared)),
            *harness.torch_peers("PyTorch-DataLoader", PEERS / "torch_loop.py", ("cnn", *shared)),
        ]
        harness.compare(contenders, options)


if __name__ == "__main__":
    main()
