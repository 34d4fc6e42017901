"""The framework-free half of training: what to do, when to stop, what to keep."""
