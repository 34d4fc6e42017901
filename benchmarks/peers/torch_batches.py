"""Batches for the PyTorch peers; on a GPU as PyTorch's performance guide says: pinned memory, and
copies that do not wait."""

from collections.abc import Iterator

import torch
from common import Settings
from torch.utils.data import DataLoader, TensorDataset


def loaders(
    train: TensorDataset, held: TensorDataset, settings: Settings
) -> tuple[DataLoader, DataLoader]:
    """Of train and validation."""
    options = {"batch_size": settings.batch, "pin_memory": settings.device == "cuda"}
    options |= {"num_workers": settings.workers, "persistent_workers": settings.workers > 0}
    return DataLoader(train, shuffle=True, **options), DataLoader(held, **options)


def moved(loader: DataLoader, device: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches where the network is."""
    for x, y in loader:
        yield x.to(device, non_blocking=True), y.to(device, non_blocking=True)


def wait(device: str) -> None:
    """An epoch has ended when the GPU is done."""
    if device == "cuda":
        torch.cuda.synchronize()
