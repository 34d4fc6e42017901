"""Plain PyTorch: a training loop over a DataLoader, as in PyTorch's own quickstart."""

import common
import torch
import torch_networks
from torch import nn
from torch.utils.data import DataLoader


def train(net: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> None:
    loss_function = nn.CrossEntropyLoss()
    net.train()
    for batch, (x, y) in enumerate(loader):
        loss = loss_function(net(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            print(f"loss {loss.item():.4f}")


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader) -> float:
    net.eval()
    correct = sum((net(x).argmax(1) == y).sum().item() for x, y in loader)
    return correct / len(loader.dataset)


def main() -> None:
    settings = common.settings()
    torch.manual_seed(settings.seed)
    train_set, held_set = torch_networks.datasets(settings)
    train_loader = DataLoader(train_set, batch_size=settings.batch, shuffle=True)
    held_loader = DataLoader(held_set, batch_size=settings.batch)
    net = torch_networks.NETWORKS[settings.network]()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    clock = common.Clock(len(train_set))
    for _ in range(settings.epochs):
        clock.begin()
        train(net, train_loader, optimizer)
        clock.trained()
        clock.validated(accuracy(net, held_loader))
    clock.report(torch_networks.parameters(net), ("torch",), "float32")


if __name__ == "__main__":
    main()
