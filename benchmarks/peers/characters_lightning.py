"""The networks of characters_torch.py under Lightning's Trainer, every setting at its default."""

import characters_torch
import common
import lightning as L
import torch
from lightning_fit import PRECISIONS, Times
from torch import Tensor, nn
from torch.nn import functional as F


class Writer(L.LightningModule):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return F.cross_entropy(self.net(x).flatten(0, 1), y.flatten())

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val_accuracy", (self.net(x).argmax(-1) == y).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main() -> None:
    settings = common.settings()
    L.seed_everything(settings.seed, verbose=False)
    train, held = characters_torch.loaders(settings)
    module = Writer(characters_torch.network(settings))
    clock = common.Clock(len(train.dataset))
    trainer = L.Trainer(
        accelerator="cpu",
        precision=PRECISIONS[settings.precision],
        max_epochs=settings.epochs,
        callbacks=[Times(clock)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, train, held)
    parameters = characters_torch.counted(module)
    clock.report(parameters, ("lightning", "torch"), settings.precision)


if __name__ == "__main__":
    main()
