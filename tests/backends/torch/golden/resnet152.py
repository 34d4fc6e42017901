"""resnet152 in PyTorch, 60,192,808 parameters.

input (N, 3, 224, 224) -> output (N, 1000)

Written by Trimaran from the description ab6c85e299af.
"""

import torch.nn.functional as F
from torch import nn


class BottleneckDownsample(nn.Module):
    def __init__(self, in_channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)
        self.downsample = nn.Sequential(
            nn.Conv2d(in_channels, width * 4, 1, stride=stride, bias=False),
            nn.BatchNorm2d(width * 4),
        )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        x = self.downsample(x)
        return F.relu(y + x)


class Bottleneck(nn.Module):
    def __init__(self, in_channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + x)


class Resnet152(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(
            BottleneckDownsample(64, width=64, stride=1),
            *[Bottleneck(256, width=64, stride=1) for _ in range(2)],
        )
        self.layer2 = nn.Sequential(
            BottleneckDownsample(256, width=128, stride=2),
            *[Bottleneck(512, width=128, stride=1) for _ in range(7)],
        )
        self.layer3 = nn.Sequential(
            BottleneckDownsample(512, width=256, stride=2),
            *[Bottleneck(1024, width=256, stride=1) for _ in range(35)],
        )
        self.layer4 = nn.Sequential(
            BottleneckDownsample(1024, width=512, stride=2),
            *[Bottleneck(2048, width=512, stride=1) for _ in range(2)],
        )
        self.fc = nn.Linear(2048, 1000)

    def logits(self, x):
        x = F.max_pool2d(self.bn1(self.conv1(x)), 3, stride=2, padding=1)
        x = F.relu(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        x = x.mean(dim=(2, 3))
        return self.fc(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def initialise(module):
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")


def build():
    """The network with fresh weights."""
    return Resnet152().apply(initialise)
