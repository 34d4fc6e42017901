"""The table of the architectures: how to make each, where it is from, its size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trimaran.spec import Model
from trimaran.zoo.alexnet import alexnet
from trimaran.zoo.alexnet_2012 import alexnet_2012
from trimaran.zoo.chargpt import chargpt
from trimaran.zoo.charlstm import chargru, charlstm, charlstm_cell
from trimaran.zoo.cifar10_cnn import cifar10_cnn
from trimaran.zoo.forecasters import dlinear, returns_lstm, series_gru, series_lstm
from trimaran.zoo.lenet5 import lenet5
from trimaran.zoo.mlp import mlp
from trimaran.zoo.mlp_100_64_10 import mlp_100_64_10
from trimaran.zoo.mnist_cnn import mnist_cnn
from trimaran.zoo.mnist_cnn_small import mnist_cnn_small
from trimaran.zoo.mnist_mlp import mnist_mlp
from trimaran.zoo.mnist_mlp_128 import mnist_mlp_128
from trimaran.zoo.patchtst import patchtst
from trimaran.zoo.perceptron import perceptron
from trimaran.zoo.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from trimaran.zoo.textlstm import text_lstm, text_lstm_last
from trimaran.zoo.vgg16 import vgg16
from trimaran.zoo.xor_mlp import xor_mlp


@dataclass(frozen=True)
class Entry:
    """One architecture: how to make it, where it is from, and its size in its reference form.

    tokens: how many different tokens a reader of texts knows
    horizon: steps that a forecaster tells; its `classes` are the columns of each
    """

    make: Callable[..., Model]
    year: int
    paper: str
    parameters: int
    input_shape: tuple[int, ...]
    classes: int
    horizon: int | None = None
    tokens: int | None = None


ZOO: dict[str, Entry] = {
    "perceptron": Entry(perceptron, 1958, "Rosenblatt, The perceptron", 3, (2,), 1),
    "xor-mlp": Entry(xor_mlp, 1986, "Rumelhart et al., Nature 323", 33, (2,), 1),
    "mlp": Entry(mlp, 1986, "Rumelhart et al., Nature 323", 17_226, (64,), 10),
    "mnist-mlp": Entry(mnist_mlp, 2025, "the chapter, §II", 109_386, (28, 28, 1), 10),
    "mnist-mlp-128": Entry(mnist_mlp_128, 2025, "the chapter, E3", 101_770, (28, 28, 1), 10),
    "mlp-100-64-10": Entry(mlp_100_64_10, 2025, "the chapter, §VI", 7_114, (100,), 10),
    "mnist-cnn-small": Entry(mnist_cnn_small, 2025, "the chapter, §III", 693_962, (28, 28, 1), 10),
    "mnist-cnn": Entry(mnist_cnn, 2025, "the chapter, §IV, on MNIST", 225_034, (28, 28, 1), 10),
    "cifar10-cnn": Entry(cifar10_cnn, 2025, "the chapter, §IV", 315_722, (32, 32, 3), 10),
    "lenet5": Entry(lenet5, 1998, "LeCun et al., Proc. IEEE 86", 61_706, (28, 28, 1), 10),
    "charlstm-cell": Entry(charlstm_cell, 2025, "the chapter, §V", 346_433, (100,), 65),
    "charlstm": Entry(charlstm, 2025, "the chapter, exercise 2", 349_569, (100,), 65),
    "chargru": Entry(chargru, 2025, "the chapter, exercise 2, with a GRU", 268_161, (100,), 65),
    "chargpt": Entry(chargpt, 2019, "Radford et al., GPT-2, small", 1_206_593, (256,), 65),
    "text-lstm": Entry(
        text_lstm,
        1997,
        "Hochreiter and Schmidhuber, Neural Computation 9",
        2_691_841,
        (400,),
        1,
        tokens=20_000,
    ),
    "text-lstm-last": Entry(
        text_lstm_last, 2025, "the chapter, E4", 2_691_713, (400,), 1, tokens=20_000
    ),
    "dlinear": Entry(
        dlinear, 2023, "Zeng et al., AAAI 37, arXiv:2205.13504", 64_704, (336, 7), 7, 96
    ),
    "patchtst": Entry(
        patchtst, 2023, "Nie et al., ICLR 2023, arXiv:2211.14730", 80_208, (336, 7), 7, 96
    ),
    "series-lstm": Entry(
        series_lstm,
        1997,
        "Hochreiter and Schmidhuber, Neural Computation 9",
        62_112,
        (336, 7),
        7,
        96,
    ),
    "series-gru": Entry(series_gru, 2014, "Cho et al., EMNLP 2014", 57_696, (336, 7), 7, 96),
    "returns-lstm": Entry(
        returns_lstm, 1997, "Hochreiter and Schmidhuber, Neural Computation 9", 5_396, (60, 4), 4, 5
    ),
    "alexnet": Entry(alexnet, 2014, "Krizhevsky, arXiv:1404.5997", 61_100_840, (224, 224, 3), 1000),
    "alexnet-2012": Entry(
        alexnet_2012, 2012, "Krizhevsky et al., NIPS 25", 60_965_224, (227, 227, 3), 1000
    ),
    "vgg16": Entry(
        vgg16, 2014, "Simonyan and Zisserman, arXiv:1409.1556", 138_357_544, (224, 224, 3), 1000
    ),
    "resnet18": Entry(
        resnet18, 2015, "He et al., arXiv:1512.03385", 11_689_512, (224, 224, 3), 1000
    ),
    "resnet34": Entry(
        resnet34, 2015, "He et al., arXiv:1512.03385", 21_797_672, (224, 224, 3), 1000
    ),
    "resnet50": Entry(
        resnet50, 2015, "He et al., arXiv:1512.03385", 25_557_032, (224, 224, 3), 1000
    ),
    "resnet101": Entry(
        resnet101, 2015, "He et al., arXiv:1512.03385", 44_549_160, (224, 224, 3), 1000
    ),
    "resnet152": Entry(
        resnet152, 2015, "He et al., arXiv:1512.03385", 60_192_808, (224, 224, 3), 1000
    ),
}
"""Name → architecture. The chapter's models are dated by the chapter."""
