"""A reader of texts in plain PyTorch: Embedding, LSTM, Linear, by a loop over a DataLoader.

"padded" takes the LSTM's output after the padding, as most first attempts do; "packed" packs the
rows (`pack_padded_sequence`), as PyTorch's documentation has it.
"""

import sys

import common
import torch
import torch_batches
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
    rows = TensorDataset(x, y.float()), TensorDataset(x_val, y_val.float())
    return torch_batches.loaders(*rows, settings)


def counted(net: nn.Module) -> int:
    """Without the second bias of nn.LSTM, which is only added to the first."""
    return sum(p.numel() for name, p in net.named_parameters() if "bias_hh" not in name)


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader, device: str) -> float:
    net.eval()
    right = sum(
        ((net(x) > 0) == (y > 0)).sum().item() for x, y in torch_batches.moved(loader, device)
    )
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
        for x, y in torch_batches.moved(train, settings.device):
            with torch.autocast(*mixed):
                loss = loss_function(net(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        torch_batches.wait(settings.device)
        clock.trained()
        clock.validated(accuracy(net, held, settings.device))
    clock.report(counted(net), ("torch",), settings.precision)


if __name__ == "__main__":
    main()
