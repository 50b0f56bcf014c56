"""Helpers over `onnx_ir`: building nodes with their shapes, constants, permutations, open dimensions."""
