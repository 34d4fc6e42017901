"""Initial weights drawn from a description, and the neutral safetensors file they live in."""

from trimaran.weights.draw import check_seed, draw
from trimaran.weights.store import check, load, metadata, save

__all__ = ["check", "check_seed", "draw", "load", "metadata", "save"]
