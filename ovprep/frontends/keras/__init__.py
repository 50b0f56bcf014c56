"""Keras files read as data: the architecture from their JSON, the weights from their HDF5, no Keras and no TensorFlow."""
