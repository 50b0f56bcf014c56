"""The yardstick: ONNX graphs in float64."""
