"""What TensorFlow wrote, and what only Keras itself can read: exported to ONNX by tf2onnx in a child process."""
