"""What is learned: loss terms, metrics and decoding."""

from trimaran.tasks.loss import Loss, Objective

__all__ = ["Loss", "Objective"]
