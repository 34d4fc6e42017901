"""Lightning: a LightningModule and Trainer.fit, without bar, logger, summary or checkpoints."""

from collections.abc import Callable
from typing import Any

import common
import lightning as L
import torch
import torch_batches
import torch_networks
from text_torch import counted
from torch import Tensor, nn
from torch.nn import functional as F

Compare = Callable[[Tensor, Tensor], Tensor]
Loaders = Callable[[common.Settings], tuple[Any, Any]]
PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


class Learner(L.LightningModule):
    """A network with its loss; `right` says of outputs and targets which are right."""

    def __init__(self, net: nn.Module, loss: Compare, right: Compare) -> None:
        super().__init__()
        self.net, self.loss, self.right = net, loss, right

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return self.loss(self.net(x), y)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val_accuracy", self.right(self.net(x), y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Times(L.Callback):
    def __init__(self, clock: common.Clock) -> None:
        self.clock = clock

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.clock.begin()

    def on_validation_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        torch_batches.wait(module.device.type)
        self.clock.trained()

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.clock.validated(trainer.callback_metrics["val_accuracy"].item())


def fit(settings: common.Settings, loaders: Loaders, learner: Callable[[], Learner]) -> None:
    """Train and report; both are made behind the seed."""
    L.seed_everything(settings.seed, verbose=False)
    train, held = loaders(settings)
    module = learner()
    clock = common.Clock(len(train.dataset))
    trainer = L.Trainer(
        accelerator={"cuda": "gpu"}.get(settings.device, settings.device),
        precision=PRECISIONS[settings.precision],
        max_epochs=settings.epochs,
        callbacks=[Times(clock)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, train, held)
    clock.report(counted(module), ("lightning", "torch"), settings.precision)


def main() -> None:
    settings = common.settings()

    def learner() -> Learner:
        net = torch_networks.NETWORKS[settings.network]()
        return Learner(net, F.cross_entropy, lambda out, y: out.argmax(1) == y)

    fit(settings, torch_networks.loaders, learner)


if __name__ == "__main__":
    main()
