"""PyTorch 1D modules of every ordinary kind, exported to ONNX by both exporters.

    python -m torch_zoo FOLDER           # in an environment with torch and onnxscript, from scripts/

writes `FOLDER/<name>.<exporter>.onnx`, and beside each an `.npz` with inputs `in0...` and PyTorch's outputs `out0...`.
"""
