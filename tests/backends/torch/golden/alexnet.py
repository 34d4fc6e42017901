"""alexnet in PyTorch, 61,100,840 parameters.

input (N, 3, 224, 224) -> output (N, 1000)

Written by Trimaran from the description ce8935b955c4.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Alexnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(9216, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, 1000),
        )

    def logits(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def build():
    """The network with fresh weights."""
    return Alexnet()
