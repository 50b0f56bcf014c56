#!/usr/bin/env python3
"""Train the ECG sample: a channel-first residual network in PyTorch, exported to ONNX, on simulated rhythms.

    python scripts/train_ecg_resnet.py               simulate, train, export samples/ecg_resnet/model.onnx, measure it
    python scripts/train_ecg_resnet.py --evaluate    only measure the saved model on the test windows

The data comes from simulate_ecg.py beside this script; training and test windows have different seeds. Measuring
needs numpy, onnx and onnxruntime; training also needs torch and onnxscript.
"""

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from simulate_ecg import CLASSES, LEADS, WINDOW, windows

if TYPE_CHECKING:
    from torch import nn

MODEL = Path(__file__).resolve().parent.parent / "samples" / "ecg_resnet" / "model.onnx"

TRAIN_SEED, TRAIN_COUNT = 11, 8000
TEST_SEED, TEST_COUNT = 12, 1000
EPOCHS = 12
BATCH = 64
PEAK_RATE = 4e-3


def network() -> "nn.Module":
    """The network: a strided stem, four residual blocks, the mean over time and a linear layer."""
    from torch import Tensor, nn  # measuring works without torch

    class Block(nn.Module):  # type: ignore[misc, unused-ignore]  # torch need not be installed
        """Two convolutions and a shortcut; a strided 1x1 convolution fits the shortcut where the shape changes."""

        def __init__(self, inside: int, outside: int, stride: int) -> None:
            super().__init__()
            self.path = nn.Sequential(
                nn.Conv1d(inside, outside, 5, stride, padding=2, bias=False),
                nn.BatchNorm1d(outside),
                nn.ReLU(),
                nn.Conv1d(outside, outside, 5, padding=2, bias=False),
                nn.BatchNorm1d(outside),
            )
            self.shortcut: nn.Module = nn.Identity()
            if stride > 1 or inside != outside:
                fit = nn.Conv1d(inside, outside, 1, stride, bias=False)
                self.shortcut = nn.Sequential(fit, nn.BatchNorm1d(outside))
            self.relu = nn.ReLU()

        def forward(self, tensor: Tensor) -> Tensor:
            return self.relu(self.path(tensor) + self.shortcut(tensor))

    stem = [nn.Conv1d(len(LEADS), 24, 15, 2, padding=7, bias=False), nn.BatchNorm1d(24), nn.ReLU()]
    blocks = [Block(24, 24, 1), Block(24, 48, 2), Block(48, 72, 2), Block(72, 96, 2)]
    head = [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(96, len(CLASSES))]
    return nn.Sequential(*stem, nn.MaxPool1d(3, 2, padding=1), *blocks, *head)


def train() -> "nn.Module":
    """Fit for a fixed number of epochs on windows that the test never sees."""
    import torch

    torch.manual_seed(TRAIN_SEED)
    data, labels = (torch.from_numpy(array) for array in windows(TRAIN_COUNT, TRAIN_SEED))
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=1e-2)
    steps = TRAIN_COUNT // BATCH
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=EPOCHS * steps)
    for epoch in range(EPOCHS):
        order = torch.randperm(TRAIN_COUNT)
        total = 0.0
        for chosen in order[: steps * BATCH].split(BATCH):
            loss = torch.nn.functional.cross_entropy(model(data[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {total / steps:.4f}", flush=True)
    return model.eval()


def export(model: "nn.Module", path: Path) -> None:
    """Write one self-contained ONNX file that takes any number of windows at once."""
    import torch

    program = torch.onnx.export(
        model,
        (torch.zeros(2, len(LEADS), WINDOW),),
        dynamo=True,
        input_names=["ecg"],
        output_names=["rhythm"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    proto = program.model_proto
    # The exporter notes the source line of every node, with paths of the machine that ran it.
    graph = proto.graph
    for item in (proto, graph, *graph.node, *graph.value_info, *graph.initializer, *graph.input, *graph.output):
        item.ClearField("metadata_props")
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def size(tensor: onnx.TensorProto) -> int:
    """How many numbers a tensor holds."""
    return math.prod(tensor.dims)


def evaluate(path: Path) -> None:
    """Print how a saved model does on the test windows in ONNX Runtime: rows are true classes, columns answers."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    data, labels = windows(TEST_COUNT, TEST_SEED)
    (logits,) = session.run(["rhythm"], {"ecg": data})
    table = np.zeros((len(CLASSES), len(CLASSES)), np.int64)
    np.add.at(table, (labels, logits.argmax(axis=1)), 1)
    for name, row in zip(CLASSES, table, strict=True):
        print(f"{name:20}" + "".join(f"{cell:6}" for cell in row))
    right = np.trace(table)
    weights = (tensor for tensor in onnx.load(path).graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT)
    print(f"{path.name}: {sum(map(size, weights)):,} parameters, {path.stat().st_size:,} bytes")
    print(f"test accuracy {right / TEST_COUNT:.2%} ({right} of {TEST_COUNT} windows, seed {TEST_SEED})")


def main() -> None:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description="Train or measure the ECG sample.")
    parser.add_argument("--evaluate", action="store_true", help="measure the saved model, do not train")
    if not parser.parse_args().evaluate:
        export(train(), MODEL)
    evaluate(MODEL)


if __name__ == "__main__":
    main()
