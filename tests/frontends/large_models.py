"""Models with more weights than one message of protobuf can hold."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 64
ROWS = 2_200_000_000 // (4 * WIDTH)


def save_embedding(path: Path, rows: int = ROWS) -> Path:
    """An embedding of `rows` rows and a convolution, `ids [N, T]` to `y [N, 8, T - 2]`; saved in no time, since nearly
    all of the table is a hole in its file."""
    rng = np.random.default_rng(0)
    with path.with_name("table.bin").open("wb") as file:
        file.truncate(4096 + 4 * WIDTH * rows)
        for row in (0, 1, 2, rows // 2, rows - 1):
            file.seek(4096 + 4 * WIDTH * row)
            file.write(rng.normal(size=WIDTH).astype(np.float32).tobytes())
    table = TensorProto(
        name="table", data_type=TensorProto.FLOAT, dims=[rows, WIDTH], data_location=TensorProto.EXTERNAL
    )
    for key, value in {"location": "table.bin", "offset": "4096", "length": str(4 * WIDTH * rows)}.items():
        table.external_data.add(key=key, value=value)
    kernel = numpy_helper.from_array(rng.normal(size=(8, WIDTH, 3)).astype(np.float32), "kernel")
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["channels"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["channels", "kernel"], ["y"]),
    ]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["N", "T"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 8, None])
    graph = helper.make_graph(nodes, "large", [ids], [y], [table, kernel])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
