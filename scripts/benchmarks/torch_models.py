"""Speed and Transposes of ovprep's IR over PyTorch's 1D modules, against OpenVINO's direct conversion of the ONNX."""

import math
import os
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import ovprep

ROOT = Path(__file__).parents[2]
TORCH = ROOT / ".venv-torch"


@dataclass(frozen=True)
class Row:
    """One file: how many times faster than direct, its interval, and the Transposes that run, ours and direct."""

    name: str
    ratio: float | None
    interval: str
    ours: int
    direct: int | None
    tensors: int
    channel_last: bool

    @property
    def lean(self) -> bool:
        """Whether no more Transposes run than direct plus one for each tensor of the interface."""
        return self.direct is None or self.ours <= self.direct + self.tensors


def export(folder: Path, names: list[str]) -> list[Path]:
    """Exports the zoo with both of PyTorch's exporters, in an environment of its own; returns the files."""
    subprocess.run([str(ROOT / "scripts" / "install_torch")], check=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts")}
    subprocess.run([str(TORCH / "bin" / "python"), "-m", "torch_zoo", str(folder), *names], check=True, env=environment)
    return sorted(folder.glob("*.onnx"))


def measure(names: list[str], seconds: float, threads: int) -> list[Row]:
    """Converts, verifies and times each file; a refusal is printed and counts as none."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for path in export(Path(folder), names):
            try:
                conversion = ovprep.convert(path, Path(folder) / "out", seconds=seconds, threads=threads)
            except ovprep.OvprepError as error:
                print(f"{path.stem:36} {error}", flush=True)
                continue
            rows.append(_row(path, conversion))
            _show(rows[-1])
    return rows


def summarise(rows: list[Row]) -> None:
    """Prints the geometric mean, the slowest, and what is not as it should be."""
    ratios = {row.name: row.ratio for row in rows if row.ratio is not None}
    if ratios:
        mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
        slowest = min(ratios, key=lambda name: ratios[name])
        print(f"geometric mean {mean:.2f}x over {len(ratios)} files; slowest {slowest} {ratios[slowest]:.2f}x")
    print(f"more Transposes than direct and interface: {', '.join(row.name for row in rows if not row.lean) or 'none'}")
    print(f"not channel-last: {', '.join(row.name for row in rows if not row.channel_last) or 'none'}")


def _row(path: Path, conversion: ovprep.Conversion) -> Row:
    assert conversion.benchmark is not None
    pair = next(pair for pair in conversion.benchmark.pairs if pair.contestant == "direct conversion")
    known = pair.ratio is not None
    ports = (*conversion.interface.inputs, *conversion.interface.outputs)
    return Row(
        name=path.stem,
        ratio=pair.ratio,
        interval=f"[{pair.low:.2f}, {pair.high:.2f}] {pair.verdict}" if known else "direct conversion failed",
        ours=_transposes(conversion.model_path),
        direct=_transposes(path) if known else None,
        tensors=len(ports),
        channel_last=not any("C" in port.layout and not port.layout.endswith("C") for port in ports),
    )


def _show(row: Row) -> None:
    ratio = f"{row.ratio:.2f}x" if row.ratio is not None else "-"
    print(f"{row.name:36} {ratio:>6} {row.interval:34} Transposes {row.ours}, direct {row.direct}", flush=True)


def _transposes(path: Path) -> int:
    """Transposes in the compiled model: what runs, not what was written."""
    import openvino

    core = openvino.Core()
    model = openvino.convert_model(path) if path.suffix == ".onnx" else core.read_model(path)
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    infos = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    kinds = [info["layerType"] for info in infos]
    return Counter(str(getattr(kind, "value", kind)) for kind in kinds)["Transpose"]
