"""The named sets as Keras gives them: `(x_train, y_train), (x_test, y_test) = mnist.load_data()`.

A set is looked for in $TRIMARAN_DATA, then in the user's cache, then at its public address.
"""

from trimaran.data.datasets import Dataset, cifar10, fashion_mnist, mnist

__all__ = ["Dataset", "cifar10", "fashion_mnist", "mnist"]
