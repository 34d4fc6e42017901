"""Lightning: a LightningModule and Trainer.fit, without bar, logger, summary or checkpoints."""

import common
import lightning as L
import torch
import torch_networks
from torch import Tensor, nn
from torch.nn import functional as F

PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}


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
        if module.device.type == "cuda":
            torch.cuda.synchronize()  # the epoch has ended when the GPU is done
        self.clock.trained()

    def on_train_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.clock.validated(trainer.callback_metrics["val_accuracy"].item())


def main() -> None:
    settings = common.settings()
    L.seed_everything(settings.seed, verbose=False)
    train_loader, held_loader = torch_networks.loaders(settings)
    module = Classifier(torch_networks.NETWORKS[settings.network]())
    clock = common.Clock(len(train_loader.dataset))
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
    trainer.fit(module, train_loader, held_loader)
    clock.report(torch_networks.parameters(module), ("lightning", "torch"), settings.precision)


if __name__ == "__main__":
    main()
