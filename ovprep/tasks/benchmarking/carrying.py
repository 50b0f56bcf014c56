"""What one model can be made into, to be timed beside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ovprep.errors import OvprepError
from ovprep.tasks.converting.convert import convert
from ovprep.tasks.normalizing.normalize import normalize
from ovprep.tasks.sides import Side
from ovprep.workers.contender import Contender
from ovprep.workers.conversion import DirectConversion

TFLITE, ONNX, DIRECT, OVPREP = "TFLite", "ONNX Runtime", "OpenVINO, direct conversion", "ovprep"
OVPREP_DEFAULT = "ovprep, default precision"
MADE = frozenset((TFLITE, ONNX, DIRECT, OVPREP, OVPREP_DEFAULT))
"""Labels of what is made here."""
Missing = dict[Contender, str]
"""Contenders that could not be made, with the reasons."""


def carried(
    side: Side, scratch: Path, reading: Mapping[str, Any], threads: int, say: Callable[[str], None]
) -> tuple[list[Contender], Missing]:
    """The model in ONNX Runtime, in TFLite, by OpenVINO's direct conversion, and as ovprep's IR at f32 and by default.

    An IR has only its own default precision besides; what ovprep cannot read, the conversions of others. All take the
    inputs in the model's order. `reading` are those arguments of `ovprep.convert` that say how the model is read.
    """
    if side.contender.runtime == "openvino":
        return [replace(side.contender, label="default precision", precision="default", role="ovprep")], {}
    maker = _Maker(side, scratch, reading, say)
    rivals = [*maker.tflite(), maker.direct()]
    with _under_way(
        rivals, maker.missing, scratch, threads
    ) as conversions:  # TensorFlow is slow to start: let it, meanwhile
        found = [*maker.onnx(), *maker.ir()]
        for rival in rivals:
            try:
                found.append(conversions[rival].result() if rival in conversions else rival)
            except OvprepError as error:
                maker.missing[rival] = str(error)
                found.append(rival)
    order = ("carried", "direct", "ovprep")
    return sorted(found, key=lambda one: order.index(one.role)), maker.missing


@contextmanager
def _under_way(
    rivals: Sequence[Contender], missing: Missing, scratch: Path, threads: int
) -> Iterator[dict[Contender, DirectConversion]]:
    started: dict[Contender, DirectConversion] = {}
    try:
        for rival in rivals:
            if rival.needs_conversion and rival not in missing:
                folder = scratch / rival.runtime
                folder.mkdir()
                started[rival] = DirectConversion(rival, folder, threads=threads)
        yield started
    finally:
        for conversion in started.values():
            conversion.close()


class _Maker:
    """Makes each form of one model; what fails is a contender all the same, with its reason in `missing`."""

    def __init__(self, side: Side, scratch: Path, reading: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self.missing: Missing = {}
        self._original, self._inputs = side.contender, side.interface.inputs
        self._scratch, self._reading, self._say = scratch, reading, say

    def tflite(self) -> list[Contender]:
        """TensorFlow's own conversion; none for a model that is in TFLite, or that TensorFlow does not know."""
        path = self._original.path
        if self._original.runtime not in ("keras", "tensorflow") or path.suffix.lower() == ".pb":
            return []
        rival = Contender(TFLITE, "tflite", path, role="carried", options=self._original.options)
        if len(self._inputs) > 1:
            self.missing[rival] = "TFLite does not keep the order of several inputs."
        return [rival]

    def direct(self) -> Contender:
        """OpenVINO's own conversion."""
        return Contender(DIRECT, "openvino", self._original.path, role="direct", options=self._original.options)

    def onnx(self) -> list[Contender]:
        """As clean ONNX; none for a model that runs in ONNX Runtime anyway."""
        if self._original.runtime == "onnxruntime":
            return []
        self._say("making ONNX of it")
        path = self._scratch / "normalized.onnx"
        made = Contender(ONNX, "onnxruntime", path, role="carried")
        try:
            done = normalize(self._original.path, path, verify=False, **self._reading)
        except OvprepError as error:
            self.missing[made] = str(error)
            return [made]
        return [replace(made, input_layouts=tuple(port.layout for port in done.interface.inputs))]

    def ir(self) -> list[Contender]:
        """ovprep's IR, as `convert` makes it."""
        self._say("converting it")
        folder = self._scratch / "ovprep"
        ours = Contender(OVPREP, "openvino", folder / "model.xml", role="ovprep")
        try:
            done = convert(self._original.path, folder, verify=False, benchmark=False, **self._reading)
        except OvprepError as error:
            self.missing[ours] = str(error)
            return [ours]
        ours = replace(ours, input_layouts=tuple(port.layout for port in done.interface.inputs))
        return [ours, replace(ours, label=OVPREP_DEFAULT, precision="default")]
