"""Keras files read as data, without Keras and TensorFlow: the architecture from JSON, the weights from HDF5."""
