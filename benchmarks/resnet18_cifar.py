"""ResNet-18 with the stem for small images on CIFAR-10, against eager NCHW PyTorch and Lightning.

11,173,962 parameters; Adam at 1e-3; a few thousand pictures, as the speed is what is asked. After
so few the accuracies mean nothing yet: the batch normalizations' moving averages still settle.

    python benchmarks/resnet18_cifar.py --images 6400
    python benchmarks/resnet18_cifar.py --device cuda --images 40000 --batch 128
"""

import harness
from harness import OURS, PEERS, Contender


def main() -> None:
    parser = harness.arguments(__doc__, batch=64, epochs=2)
    parser.add_argument("--images", type=int, default=6400, help="training pictures per epoch")
    options = harness.parse(parser)
    limit = options.images * 6 // 4  # CIFAR-10 splits into 4 parts train, 1 validation, 1 test
    with harness.scratch() as folder:
        rows = harness.prepare_rows("cifar10", options, folder, limit)
        arguments = ("resnet18", *harness.shared(options, rows))
        ours = (*arguments, "--limit", str(limit))
        contenders = [
            Contender("Trimaran", OURS, ours),
            Contender("Trimaran float32", OURS, (*ours, "--precision", "float32")),
            *harness.torch_peers("Lightning", PEERS / "lightning_fit.py", arguments),
            *harness.torch_peers("PyTorch-DataLoader", PEERS / "torch_loop.py", arguments),
        ]
        harness.compare(contenders, options)


if __name__ == "__main__":
    main()
