"""How TensorFlow runs what the worker traces."""
