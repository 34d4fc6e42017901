"""The zoo once more, as an engineer writes it in plain PyTorch, and other habits of writing."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.unit = nn.Linear(2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.unit(x))


class Mlp(nn.Module):
    """Lists of modules, read side by side; the batch's size in a view; log-probabilities."""

    def __init__(self) -> None:
        super().__init__()
        widths = [64, 20, 12, 10]
        pairs = zip(widths, widths[1:], strict=False)
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairs])
        self.norms = nn.ModuleList([nn.BatchNorm1d(n) for n in widths[1:-1]])

    def forward(self, image: Tensor) -> Tensor:
        x = image.view(image.size(0), -1)
        for layer, norm in zip(self.layers[:-1], self.norms, strict=True):
            x = F.dropout(F.relu(norm(layer(x))), 0.2, self.training)
        return F.log_softmax(self.layers[-1](x), dim=1)


class LeNet5(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = x.view(-1, 16 * 5 * 5)
        return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))


class Cifar(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding="same"), nn.ReLU(inplace=True), nn.BatchNorm2d(8),
            nn.MaxPool2d(2), nn.Dropout(0.25), nn.Identity(),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(inplace=True), nn.AvgPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(256, 10), nn.Softmax(dim=1))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class AlexNet(nn.Module):
    """One tower at a narrow width; its pooling to 6x6 changes nothing at its own size."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 11, stride=4, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(8, 12, 5, padding=2, groups=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
            nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(64, 32), nn.ReLU(inplace=True), nn.Linear(32, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1))


class Vgg16(nn.Module):
    """Configuration D at an eighth of its width."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for item in [8, 8, 0, 16, 16, 0, 32, 32, 32, 0, 64, 64, 64, 0, 64, 64, 64, 0]:
            if item == 0:
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(channels, item, 3, padding=1), nn.ReLU(inplace=True)]
                channels = item
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(64, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 10)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), 1))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(y + identity)


class ResNet(nn.Module):
    def __init__(
        self, block: type[BasicBlock] | type[Bottleneck], depths: list[int], wide: int = 64,
        classes: int = 1000,
    ) -> None:  # fmt: skip
        super().__init__()
        self.channels = wide
        self.conv1 = nn.Conv2d(3, wide, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._stage(block, wide, depths[0], 1)
        self.layer2 = self._stage(block, 2 * wide, depths[1], 2)
        self.layer3 = self._stage(block, 4 * wide, depths[2], 2)
        self.layer4 = self._stage(block, 8 * wide, depths[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * wide * block.expansion, classes)

    def _stage(self, block: type, width: int, depth: int, stride: int) -> nn.Sequential:
        made = []
        for step in [stride] + [1] * (depth - 1):
            out, shortcut = width * block.expansion, None  # type: ignore[attr-defined]
            if step != 1 or self.channels != out:
                conv = nn.Conv2d(self.channels, out, 1, step, bias=False)
                shortcut = nn.Sequential(conv, nn.BatchNorm2d(out))
            made.append(block(self.channels, width, step, shortcut))
            self.channels = out
        return nn.Sequential(*made)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Squeeze(nn.Module):
    """Squeeze and excitation, by views of the batch's size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(
            nn.Linear(channels, channels // 2, bias=False), nn.ReLU(),
            nn.Linear(channels // 2, channels, bias=False), nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        rows, channels, _, _ = x.size()
        weight = self.fc(self.pool(x).view(rows, channels)).view(rows, channels, 1, 1)
        return x * weight.expand_as(x)


class Inverted(nn.Module):
    """MobileNet's block: depthwise between two 1x1 convolutions."""

    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        hidden = 2 * channels
        self.conv = nn.Sequential(
            nn.Sequential(nn.Conv2d(channels, hidden, 1, bias=False), nn.ReLU6(inplace=True)),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden), nn.BatchNorm2d(hidden),
            nn.Hardswish(), Squeeze(hidden), nn.Conv2d(hidden, out, 1),
        )  # fmt: skip
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.adds else self.conv(x)


class Mobile(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.blocks = nn.ModuleList([Inverted(4, 4, 1), Inverted(4, 8, 2), Inverted(8, 8, 1)])
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu6(self.stem(x) + 3) / 6
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean([2, 3]))


class Norm2d(nn.LayerNorm):
    """Over the channels of a map."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias)
        return x.permute(0, 3, 1, 2)


class Next(nn.Module):
    """ConvNeXt's way: permutes around dense layers, two outputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 2, 2), Norm2d(4))
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.norm = nn.LayerNorm(4)
        self.wide = nn.Linear(4, 8)
        self.narrow = nn.Linear(8, 4)
        self.fc = nn.Linear(4 * 4 * 4, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.stem(x)
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.narrow(F.gelu(self.wide(y))).permute(0, 3, 1, 2)
        x = x + y
        return {"kind": self.fc(torch.flatten(x, 1)).softmax(-1), "mean": x.amax((-2, -1))}


class Series(nn.Module):
    """Channels-first series beside a row of numbers; a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 5, padding="same", dilation=2)
        self.norm = nn.GroupNorm(2, 4)
        self.pool = nn.MaxPool1d(2)
        self.tied = nn.Linear(4, 4)
        self.out = nn.Linear(4 * 8 + 4, 2)

    def forward(self, signal: Tensor, extra: Tensor) -> Tensor:
        x = self.pool(F.leaky_relu(self.norm(self.conv(signal)), 0.1))
        extra = self.tied(torch.tanh(self.tied(extra)))
        return self.out(torch.cat([torch.flatten(x, 1), extra], dim=1))


class Painter(nn.Module):
    """A row of numbers becomes a map, which grows, is cut and padded."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4 * 4 * 4)
        self.grow = nn.Sequential(
            nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, padding=1), nn.SiLU(),
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.ZeroPad2d((1, 0, 2, 1)),
        )  # fmt: skip

    def forward(self, z: Tensor) -> Tensor:
        x = self.grow(F.softsign(self.fc(z)).view(-1, 4, 4, 4))
        return F.pad(x[:, :, 1:-2, 3:], (1, 1))


class Early(nn.Module):
    """An activation in place before a skip connection: the skip sees what it made."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.act = nn.ELU(inplace=True)
        self.second = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.first(x)
        y = self.second(self.act(x))
        y = y + x
        return y, x
