"""Keras 3 on JAX: the same script with the other backend."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras_fit

if __name__ == "__main__":
    keras_fit.main()
