"""Somebody's own Keras model as a description: its config says what it is, its variables the rest.

Nothing here imports a framework: a live model is asked by its own methods, and a file is opened by
the worker process.
"""
