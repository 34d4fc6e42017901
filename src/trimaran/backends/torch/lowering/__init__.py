"""A traced step written out for NumPy."""
