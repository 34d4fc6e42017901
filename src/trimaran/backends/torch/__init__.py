"""PyTorch: the source that trains, and its loop."""
