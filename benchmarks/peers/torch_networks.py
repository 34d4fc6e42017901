"""The three networks as plain PyTorch modules, for the PyTorch-based contenders."""

import numpy as np
import torch
import torch_batches
from common import Settings, cifar10, mnist
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1600, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


class BasicBlock(nn.Module):
    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or channels != width:
            projection = nn.Conv2d(channels, width, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def resnet18() -> nn.Module:
    """ResNet-18 with the stem for small images: a 3x3 convolution of stride 1, no max-pool."""
    parts: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    channels = 64
    for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        parts += [BasicBlock(channels, width, stride), BasicBlock(width, width, 1)]
        channels = width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


NETWORKS = {"cnn": cnn, "mlp": mlp, "resnet18": resnet18}


def arrays(settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Train and validation arrays, shaped for the network: NCHW, or flat for the MLP."""
    if settings.network == "resnet18":
        x, y, x_val, y_val = cifar10(settings.rows)
        return _nchw(x), y, _nchw(x_val), y_val
    x, y, x_val, y_val = mnist(settings.rows)
    shape = (-1, 784) if settings.network == "mlp" else (-1, 1, 28, 28)
    return x.reshape(shape), y, x_val.reshape(shape), y_val


def _nchw(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def datasets(settings: Settings) -> tuple[TensorDataset, TensorDataset]:
    x, y, x_val, y_val = (torch.from_numpy(a) for a in arrays(settings))
    return TensorDataset(x, y), TensorDataset(x_val, y_val)


def loaders(settings: Settings) -> tuple[DataLoader, DataLoader]:
    """Of train and validation."""
    return torch_batches.loaders(*datasets(settings), settings)


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())
