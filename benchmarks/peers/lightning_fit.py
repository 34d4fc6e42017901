"""Lightning: a LightningModule and Trainer.fit, without bar, logger, summary or checkpoints."""

import common
import lightning as L
import torch
import torch_networks
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Classifier(L.LightningModule):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return F.cross_entropy(self.net(x), y)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val_accuracy", (self.net(x).argmax(1) == y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


class Times(L.Callback):
    def __init__(self, clock: common.Clock) -> None:
        self.clock = clock

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.clock.begin()

    def on_validation_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.clock.trained()

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.clock.validated(trainer.callback_metrics["val_accuracy"].item())


def main() -> None:
    settings = common.settings()
    L.seed_everything(settings.seed, verbose=False)
    train_set, held_set = torch_networks.datasets(settings)
    train_loader = DataLoader(train_set, batch_size=settings.batch, shuffle=True)
    held_loader = DataLoader(held_set, batch_size=settings.batch)
    module = Classifier(torch_networks.NETWORKS[settings.network]())
    clock = common.Clock(len(train_set))
    trainer = L.Trainer(
        max_epochs=settings.epochs,
        callbacks=[Times(clock)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, train_loader, held_loader)
    clock.report(torch_networks.parameters(module), ("lightning", "torch"), "float32")


if __name__ == "__main__":
    main()
