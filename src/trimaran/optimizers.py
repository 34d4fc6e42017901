"""The optimizers under Keras's names: `from trimaran import optimizers`; `optimizers.Adam(1e-4)`."""

from trimaran.training.optimizers import SGD, Adagrad, Adam, AdamW, RMSProp

RMSprop = RMSProp

__all__ = ["Adagrad", "Adam", "AdamW", "RMSProp", "RMSprop", "SGD"]
