"""Plain PyTorch: a training loop over a DataLoader, as in PyTorch's own quickstart.

On a GPU with pinned memory and copies that do not wait; mixed precision by autocast.
"""

import common
import torch
import torch_batches
import torch_networks
from torch import nn
from torch.utils.data import DataLoader


def train(
    net: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer, settings: common.Settings
) -> None:
    loss_function, device = nn.CrossEntropyLoss(), settings.device
    net.train()
    for batch, (x, y) in enumerate(torch_batches.moved(loader, device)):
        with torch.autocast(device, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            loss = loss_function(net(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if batch % 100 == 0:
            print(f"loss {loss.item():.4f}")
    torch_batches.wait(device)


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader, device: str) -> float:
    net.eval()
    correct = 0
    for x, y in torch_batches.moved(loader, device):
        correct += (net(x).argmax(1) == y).sum().item()
    return correct / len(loader.dataset)


def main() -> None:
    settings = common.settings()
    torch.manual_seed(settings.seed)
    train_loader, held_loader = torch_networks.loaders(settings)
    net = torch_networks.NETWORKS[settings.network]().to(settings.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    clock = common.Clock(len(train_loader.dataset))
    for _ in range(settings.epochs):
        clock.begin()
        train(net, train_loader, optimizer, settings)
        clock.trained()
        clock.validated(accuracy(net, held_loader, settings.device))
    clock.report(torch_networks.parameters(net), ("torch",), settings.precision)


if __name__ == "__main__":
    main()
