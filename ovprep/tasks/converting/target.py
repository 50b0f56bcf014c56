"""What a conversion is for: a device, and perhaps an older OpenVINO than the one at hand."""

import re
from dataclasses import dataclass
from typing import Literal, Self

import onnx_ir as ir

from ovprep.errors import OptionError
from ovprep.graph.shapes import rank_of
from ovprep.interface import Interface
from ovprep.passes.rank.registry import RANK

DEVICES = ("cpu", "gpu", "npu")

Version = tuple[int, int]
"""Year and release: 2022.3."""

_OLDEST: Version = (2022, 1)
"""The first that reads IR of version 11, which is what OpenVINO has written since."""
_RESIZE_AT_RANK_3: Version = (2023, 3)
"""The first whose CPU plugin compiles Interpolate at rank 3; those before refuse it at their default precision."""
_REFLECT_AT_RANK_4: Version = (2022, 2)
"""The first whose CPU plugin runs a reflecting Pad at rank 4 as well as at rank 3."""


@dataclass(frozen=True)
class RankChoice:
    """The rank of the IR's body, and the reason in words."""

    chosen: Literal[3, 4]
    why: str


@dataclass(frozen=True)
class Target:
    """The device, and the OpenVINO that shall run the IR there; None: the one at hand."""

    device: str = "cpu"
    version: Version | None = None

    @classmethod
    def of(cls, device: str, version: str | None = None) -> Self:
        """Raises OptionError for a device that there is not, or a version that is none or reads no such IR."""
        if device not in DEVICES:
            raise OptionError(f"There is no target {device!r}; choose {', '.join(DEVICES)}.")
        if version is None:
            return cls(device)
        found = re.fullmatch(r"(20\d\d)\.(\d)(\.\d+)*", version)
        if found is None:
            raise OptionError(f"There is no OpenVINO version {version!r}; give year and release, as 2022.3.")
        numbers = int(found[1]), int(found[2])
        if numbers < _OLDEST:
            raise OptionError(
                f"OpenVINO {version} does not read IR of version 11, which begins with {spelled(_OLDEST)}; "
                "convert with the Model Optimizer of that version instead."
            )
        return cls(device, numbers)

    def needed_rank(self, graph: ir.Graph) -> RankChoice | None:
        """The rank that the body of a normalised graph must have here; None where nothing speaks for one.

        The documentation of the GPU and NPU plugins speaks of sequences at rank 3 and of fixed shapes.
        """
        if self.device != "cpu":
            return RankChoice(3, f"target {self.device} is given rank 3 without timing, which would need the device")
        if self.version is None:
            return None
        resizes = [node for node in graph if node.op_type == "Resize" and rank_of(node.inputs[0]) == RANK]
        if resizes and self.version < _RESIZE_AT_RANK_3:
            return RankChoice(4, f"OpenVINO {spelled(self.version)} does not run Resize {resizes[0].name} at rank 3")
        return None

    @property
    def pads_at_rank_3(self) -> bool:
        """Whether a reflecting Pad must stay at rank 3 where the body has rank 4."""
        return self.version is not None and self.version < _REFLECT_AT_RANK_4

    def require_fixed(self, interface: Interface) -> None:
        """Raises OptionError where this device wants fixed shapes, and the interface has an open axis."""
        if self.device == "cpu" or not interface.open_dims():
            return
        port = next(port for port in interface.inputs if any(isinstance(dim, str) for dim in port.dims))
        sizes = ",".join(str(dim) if isinstance(dim, int) else f"<{dim}>" for dim in port.dims)
        raise OptionError(
            f"Target {self.device} wants fixed shapes, and input {port} has open axes; "
            f'give --input-shape "{port.name}[{sizes}]" with a number for each, or --batch 1 for the batch alone.'
        )

    def caveats(self, at_hand: str) -> tuple[str, ...]:
        """What the report must say of this target, in sentences; `at_hand` is the version that verifies and times."""
        found = []
        if self.device != "cpu":
            name = self.device.upper()
            found.append(
                f"What the {name} gets is written from documentation, untested on the device: "
                "equality and latency here are those of the CPU."
            )
        if self.version is not None and self.is_older_than(at_hand):
            found.append(
                f"Made for OpenVINO {spelled(self.version)} and never run there: "
                f"equality and latency here are those of OpenVINO {at_hand}."
            )
        return tuple(found)

    def is_older_than(self, at_hand: str) -> bool:
        """Whether the IR is for an older OpenVINO than that, which is given as 2026.4.1."""
        year, release, *_ = at_hand.split(".")
        return self.version is not None and self.version < (int(year), int(release))


def spelled(version: Version) -> str:
    """As OpenVINO writes it: 2022.3."""
    return ".".join(map(str, version))
