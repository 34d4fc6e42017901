"""resnet34 in PyTorch, 21,797,672 parameters.

input (N, 3, 224, 224) -> output (N, 1000)

Written by Trimaran from the description 3a02bdd6f461.
"""

import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + x)


class BasicBlockDownsample(nn.Module):
    def __init__(self, in_channels, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = nn.Sequential(
            nn.Conv2d(in_channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        x = self.downsample(x)
        return F.relu(y + x)


class Resnet34(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(*[BasicBlock(64, width=64, stride=1) for _ in range(3)])
        self.layer2 = nn.Sequential(
            BasicBlockDownsample(64, width=128, stride=2),
            *[BasicBlock(128, width=128, stride=1) for _ in range(3)],
        )
        self.layer3 = nn.Sequential(
            BasicBlockDownsample(128, width=256, stride=2),
            *[BasicBlock(256, width=256, stride=1) for _ in range(5)],
        )
        self.layer4 = nn.Sequential(
            BasicBlockDownsample(256, width=512, stride=2),
            *[BasicBlock(512, width=512, stride=1) for _ in range(2)],
        )
        self.fc = nn.Linear(512, 1000)

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
    return Resnet34().apply(initialise)
