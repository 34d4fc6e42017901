"""The networks of characters_torch.py under Lightning's Trainer, every setting at its default."""

import characters_torch
import common
from lightning_fit import Learner, fit
from torch import Tensor
from torch.nn import functional as F


def loss(out: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(out.flatten(0, 1), y.flatten())


def main() -> None:
    settings = common.settings()

    def learner() -> Learner:
        net = characters_torch.network(settings)
        return Learner(net, loss, lambda out, y: out.argmax(-1) == y)

    fit(settings, characters_torch.loaders, learner)


if __name__ == "__main__":
    main()
