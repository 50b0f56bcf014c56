"""Keras in, Keras out: the same model in the other data format."""
