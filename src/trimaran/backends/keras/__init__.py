"""Keras 3, on TensorFlow or on JAX: the source that trains, and the process that runs it.

Keras fixes one framework per process, so a worker process (`worker.py`) holds the network; what
runs on this side imports no framework.
"""
