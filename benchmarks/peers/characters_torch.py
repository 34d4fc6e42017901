"""Models that continue a text, in plain PyTorch: a loop over a DataLoader.

charlstm: the chapter's listing. gpt: the blocks of nanoGPT (Karpathy), its settings for
Shakespeare's characters, with a head of its own weights; AdamW without decay is Adam.
"""

import common
import torch
import torch_batches
from text_torch import counted
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

FEATURES, HEADS, BLOCKS, LENGTH = 384, 6, 6, 256


class CharLSTM(nn.Module):
    def __init__(self, characters: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(characters, 64)
        self.lstm = nn.LSTM(64, 256, batch_first=True)
        self.fc = nn.Linear(256, characters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.lstm(self.embed(x))[0])


class Attention(nn.Module):
    def __init__(self, features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.qkv = nn.Linear(features, 3 * features)
        self.out = nn.Linear(features, features)
        self.heads, self.dropout = heads, dropout
        self.after = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, time, features = x.shape
        split = self.qkv(x).view(rows, time, 3, self.heads, features // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        rate = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=rate, is_causal=True)
        return self.after(self.out(y.transpose(1, 2).reshape(rows, time, features)))


class Block(nn.Module):
    def __init__(self, features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(features), nn.LayerNorm(features)
        self.attention = Attention(features, heads, dropout)
        wide, narrow = nn.Linear(features, 4 * features), nn.Linear(4 * features, features)
        self.mlp = nn.Sequential(wide, nn.GELU(), narrow, nn.Dropout(dropout))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(
        self, characters: int, dropout: float, features: int = FEATURES, heads: int = HEADS
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(characters, features)
        self.places = nn.Embedding(LENGTH, features)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(features, heads, dropout) for _ in range(BLOCKS)))
        self.norm, self.head = nn.LayerNorm(features), nn.Linear(features, characters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.tokens(x) + self.places(torch.arange(x.shape[1], device=x.device))
        return self.head(self.norm(self.blocks(self.drop(y))))


def network(settings: common.Settings) -> nn.Module:
    size = common.characters(settings.rows)
    return CharLSTM(size) if settings.network == "charlstm" else GPT(size, settings.dropout)


def loaders(settings: common.Settings) -> tuple[DataLoader, DataLoader]:
    x, y, x_val, y_val = map(torch.from_numpy, common.tokens(settings.rows))
    return torch_batches.loaders(TensorDataset(x, y), TensorDataset(x_val, y_val), settings)


@torch.no_grad()
def accuracy(net: nn.Module, loader: DataLoader, device: str) -> float:
    net.eval()
    right = [
        (net(x).argmax(-1) == y).float().mean().item()
        for x, y in torch_batches.moved(loader, device)
    ]
    return sum(right) / len(right)


def main() -> None:
    settings = common.settings()
    torch.manual_seed(settings.seed)
    train, held = loaders(settings)
    net = network(settings).to(settings.device)
    forward = torch.compile(net) if settings.compile else net  # nanoGPT's default
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.0, fused=True)
    mixed = (settings.device, torch.bfloat16, settings.precision == "bfloat16")
    clock = common.Clock(len(train.dataset))
    for _ in range(settings.epochs):
        clock.begin()
        net.train()
        for a, b in torch_batches.moved(train, settings.device):
            with torch.autocast(*mixed):
                loss = F.cross_entropy(forward(a).flatten(0, 1), b.flatten())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        torch_batches.wait(settings.device)
        clock.trained()
        clock.validated(accuracy(net, held, settings.device))
    clock.report(counted(net), ("torch",), settings.precision)


if __name__ == "__main__":
    main()
