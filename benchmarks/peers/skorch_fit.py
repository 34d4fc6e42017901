"""skorch: NeuralNetClassifier.fit on arrays, with a fixed validation set."""

from typing import Any

import common
import torch
import torch_networks
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn


class Times(Callback):
    """Notes the times of each epoch; its validation begins with the first batch not trained."""

    def __init__(self, clock: common.Clock) -> None:
        self.clock = clock
        self.training = False

    def on_epoch_begin(self, net: NeuralNetClassifier, **_: Any) -> None:
        self.clock.begin()

    def on_batch_begin(self, net: NeuralNetClassifier, training: bool = False, **_: Any) -> None:
        if self.training and not training:
            self.clock.trained()
        self.training = training

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        self.clock.validated(net.history[-1, "valid_acc"])


def main() -> None:
    settings = common.settings()
    torch.manual_seed(settings.seed)
    x, y, x_val, y_val = torch_networks.arrays(settings)
    clock = common.Clock(len(x))
    net = NeuralNetClassifier(
        torch_networks.NETWORKS[settings.network](),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        batch_size=settings.batch,
        max_epochs=settings.epochs,
        iterator_train__shuffle=True,
        train_split=predefined_split(Dataset(x_val, y_val)),
        callbacks=[Times(clock)],
        verbose=0,
    )
    net.fit(x, y)
    clock.report(torch_networks.parameters(net.module_), ("skorch", "torch"), "float32")


if __name__ == "__main__":
    main()
