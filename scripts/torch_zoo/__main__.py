"""Exports the zoo."""

import sys
import warnings
from pathlib import Path

import numpy as np
import torch

from torch_zoo import blocks, convolutional, interfaces, mixing, shapes  # noqa: F401  (fill the table)
from torch_zoo.registry import ZOO, Entry

OPSET = 18


def main() -> None:
    """`python -m torch_zoo FOLDER [NAME ...]`."""
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(ZOO)
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    for name in names:
        for dynamo in (False, True):
            export(ZOO[name], folder, dynamo)


def export(entry: Entry, folder: Path, dynamo: bool) -> None:
    """Writes one model with one exporter; says so where PyTorch itself cannot."""
    torch.manual_seed(0)
    module = entry.make().eval()
    randomise(module)
    # Three, since a batch of one would be taken as fixed, and two as broadcast, by tracing.
    batch = 1 if entry.fixed_batch else 3
    inputs = tuple(torch.randn(batch, *shape) for shape in entry.shapes)
    with torch.no_grad():
        wanted = module(*inputs)
    outputs = list(wanted) if isinstance(wanted, (tuple, list)) else [wanted]
    path = folder / f"{entry.name}.{'dynamo' if dynamo else 'torchscript'}.onnx"
    try:
        _export(module, inputs, entry, path, dynamo, len(outputs))
    except Exception as error:  # noqa: BLE001  (whatever an exporter raises is its refusal)
        first = str(error).strip().splitlines()[:1]
        print(f"{path.name}: not exported: {type(error).__name__}: {first}", flush=True)
        path.unlink(missing_ok=True)
        return
    arrays = {f"in{index}": value.numpy() for index, value in enumerate(inputs)}
    arrays |= {f"out{index}": value.detach().numpy() for index, value in enumerate(outputs)}
    np.savez(path.with_suffix(".npz"), **arrays)
    print(path.name, flush=True)


def _export(
    module: torch.nn.Module,
    inputs: tuple[torch.Tensor, ...],
    entry: Entry,
    path: Path,
    dynamo: bool,
    outputs: int,
) -> None:
    names = [f"x{index}" for index in range(len(inputs))]
    results = [f"y{index}" for index in range(outputs)]
    if dynamo:
        dim = torch.export.Dim.DYNAMIC
        open_axes = () if entry.fixed_batch else (0, *entry.open_axes)
        spec = tuple(dict.fromkeys(open_axes, dim) for _ in inputs) if open_axes else None
        program = torch.onnx.export(
            module, inputs, dynamo=True, input_names=names, output_names=results, dynamic_shapes=spec, verbose=False
        )
        program.save(str(path))
        return
    axes = {} if entry.fixed_batch else {0: "batch", **{axis: f"axis_{axis}" for axis in entry.open_axes}}
    dynamic = dict.fromkeys(names, axes) | {name: {0: "batch"} for name in results} if axes else None
    torch.onnx.export(
        module,
        inputs,
        str(path),
        dynamo=False,
        opset_version=OPSET,
        input_names=names,
        output_names=results,
        dynamic_axes=dynamic,
    )


def randomise(module: torch.nn.Module) -> None:
    """Statistics and affine parameters that are not zeros and ones, so that a dropped one would show."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 1.5)
        elif name.endswith("running_mean") or (name.endswith("bias") and tensor.ndim == 1):
            tensor.data.normal_(0, 0.2)
        elif name.endswith("weight") and tensor.ndim == 1:
            tensor.data.uniform_(0.5, 1.5)


if __name__ == "__main__":
    main()
