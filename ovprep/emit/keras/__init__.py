"""A channel-last Keras model, written from the graph that `ovprep.passes.pipeline` makes for layers."""

from ovprep.emit.keras.model import write_keras

__all__ = ["write_keras"]
