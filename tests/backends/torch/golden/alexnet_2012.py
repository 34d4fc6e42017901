"""alexnet-2012 in PyTorch, 60,965,224 parameters.

input (N, 3, 227, 227) -> output (N, 1000)

Written by Trimaran from the description 1379265025ad.
"""

import torch
import torch.nn.functional as F
from torch import nn


class Alexnet2012(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 96, 11, stride=4),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
            nn.Conv2d(96, 256, 5, padding=2, groups=2),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
            nn.Conv2d(256, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1, groups=2),
            nn.MaxPool2d(3, stride=2),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(9216, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 1000),
        )

    def logits(self, x):
        x = self.features(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)

    def forward(self, x):
        return F.softmax(self.logits(x), dim=-1)


def initialise(module):
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.normal_(module.weight, std=0.01)
        nn.init.ones_(module.bias)


def build():
    """The network with fresh weights."""
    model = Alexnet2012().apply(initialise)
    nn.init.zeros_(model.get_submodule("features.0").bias)
    nn.init.zeros_(model.get_submodule("features.6").bias)
    nn.init.zeros_(model.get_submodule("classifier.6").bias)
    return model
