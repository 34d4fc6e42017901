"""The process in which Keras computes; see `trimaran.backends.keras.process` for the other end."""
