"""The padded reader of text_torch.py under Lightning's Trainer, every setting at its default."""

import common
import text_torch
from lightning_fit import Learner, fit
from torch.nn import functional as F


def main() -> None:
    def learner() -> Learner:
        net = text_torch.Reader(packed=False)
        loss = F.binary_cross_entropy_with_logits
        return Learner(net, loss, lambda out, y: (out > 0) == (y > 0))

    fit(common.settings(), text_torch.loaders, learner)


if __name__ == "__main__":
    main()
