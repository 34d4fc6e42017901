"""The padded reader of text_torch.py under Lightning's Trainer, every setting at its default."""

import common
import lightning as L
import text_torch
import torch
from lightning_fit import Times
from torch import Tensor
from torch.nn import functional as F


class Classifier(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = text_torch.Reader(packed=False)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        x, y = batch
        return F.binary_cross_entropy_with_logits(self.net(x), y)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        x, y = batch
        self.log("val_accuracy", ((self.net(x) > 0) == (y > 0)).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=1e-3)


def main() -> None:
    settings = common.settings()
    L.seed_everything(settings.seed, verbose=False)
    train, held = text_torch.loaders(settings)
    module = Classifier()
    clock = common.Clock(len(train.dataset))
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=settings.epochs,
        callbacks=[Times(clock)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(module, train, held)
    clock.report(text_torch.counted(module), ("lightning", "torch"), "float32")


if __name__ == "__main__":
    main()
