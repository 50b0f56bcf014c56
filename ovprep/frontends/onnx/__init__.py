"""ONNX files, of any opset and with their weights inside or beside them, as the canonical graph."""

from ovprep.frontends.onnx.reader import graph_of, read_onnx

__all__ = ["graph_of", "read_onnx"]
