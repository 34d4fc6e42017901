"""A reader of texts in plain PyTorch: Embedding, LSTM, Linear, by a loop over a DataLoader.

"padded" takes the LSTM's output after the padding, as most first attempts do; "packed" packs the
rows (`pack_padded_sequence`), as PyTorch's documentation has it.
"""

import sys
from collections.abc import Iterator
from typing import Any

import common
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Reader(nn.Module):
    def __init__(self, packed: bool) -> None:
        super().__init__()
        self.packed = packed
        self.embedding = nn.Embedding(20_000, 128, padding_idx=0)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.dense = nn.Linear(128, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.embedding(x)
        if self.packed:
            lengths = (x != 0).sum(1).cpu()
            y = nn.utils.rnn.pack_padded_sequence(
                y, lengths, batch_first=True, enforce_sorted=False
            )
        _, (h, _) = self.lstm(y)
        return self.dense(h[-1])[:, 0]


def loaders(settings: common.Settings) -> tuple[DataLoader, DataLoader]:
    x, y, x_val, y_val = map(torch.from_numpy, common.tokens(settings.rows))
    options = loading(settings)
    train = DataLoader(TensorDataset(x, y.float()), shuffle=True, **options)
    return train, DataLoader(TensorDataset(x_val, y_val.float()), **options)


def loading(settings: common.Settings) -> dict[str, Any]:
    """Of a DataLoader; for a GPU in pinned memory, as PyTorch's performance guide says."""
    return {"batch_size": settings.batch, "pin_memory": settings.device == "cuda"}


def moved(loader: DataLoader, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches where the network is, by copies that do not wait."""
    for x, y in loader:
        yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


def wait(device: str) -> None:
    """An epoch has ended when the GPU is done."""
    if device == "cuda":
        torch.cuda.synchronize()


def counted(net: nn.Module) -> int:
    """Without the second bias of nn.LSTM, which is only added to the first."""
    return sum(p.numel() for name, p in net.named_parameters() if "bias_hh" not in name)


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader, device: str) -> float:
    net.eval()
    right = sum(((net(x) > 0) == (y > 0)).sum().item() for x, y in moved(loader, device))
    return right / len(loader.dataset)


def main() -> None:
    variant = sys.argv.pop(1)
    settings = common.settings()
    torch.manual_seed(settings.seed)
    train, held = loaders(settings)
    net = Reader(packed=variant == "packed").to(settings.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss_function = nn.BCEWithLogitsLoss()
    mixed = (settings.device, torch.bfloat16, settings.precision == "bfloat16")
    clock = common.Clock(len(train.dataset))
    for _ in range(settings.epochs):
        clock.begin()
        net.train()
        for x, y in moved(train, settings.device):
            with torch.autocast(*mixed):
                loss = loss_function(net(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        wait(settings.device)
        clock.trained()
        clock.validated(accuracy(net, held, settings.device))
    clock.report(counted(net), ("torch",), settings.precision)


if __name__ == "__main__":
    main()
