"""Trained 1D CNNs to OpenVINO IR: channel-last at the interface, proven equal to the original, timed against it."""

__version__ = "0.1.0"
