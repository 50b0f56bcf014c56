"""What a conversion is asked for, once it makes sense."""

from collections.abc import Sequence
from dataclasses import dataclass

from ovprep.bench.gates import Limits
from ovprep.errors import OptionError
from ovprep.options import EXECUTION_PRECISIONS, RANKS, InterfaceOptions, Rank
from ovprep.proof.inputs.demand import Data
from ovprep.tasks.arguments import Progress, require_seed
from ovprep.tasks.converting.target import Target


@dataclass(frozen=True)
class Request:
    """The arguments of `convert` that are not about reading the model.

    Raises OptionError for one that makes no sense, or that another leaves no use for.
    """

    interface: InterfaceOptions | None
    rank: Rank
    target: Target
    execution_precision: str
    verify: bool
    data: Sequence[Data]
    sample_rate: int | None
    tolerance: float | None
    explain: bool
    benchmark: bool
    seconds: float
    limits: Limits
    threads: int
    seed: int
    say: Progress

    def __post_init__(self) -> None:
        if self.rank not in RANKS:
            raise OptionError(f"There is no rank {self.rank!r}; choose auto, 3 or 4.")
        if not 0 < self.seconds < float("inf"):
            raise OptionError(f"A benchmark of {self.seconds:g} seconds measures nothing; give a positive number.")
        if not self.verify:
            self._require_none_for_verification()
        if self.limits.given and not self.benchmark:
            raise OptionError("Limits such as --fail-if-slower need the benchmark; leave --no-benchmark out.")
        require_seed(self.seed)
        if self.execution_precision not in EXECUTION_PRECISIONS:
            choice = " or ".join(EXECUTION_PRECISIONS)
            raise OptionError(f"The execution precision is {choice}, not {self.execution_precision}.")

    def _require_none_for_verification(self) -> None:
        asked = {
            "--data": bool(self.data),
            "--sample-rate": self.sample_rate is not None,
            "--tolerance": self.tolerance is not None,
            "--explain": self.explain,
        }
        for name, is_asked in asked.items():
            if is_asked:
                raise OptionError(f"{name} is for the verification: leave it out, or --no-verify.")

    @property
    def keep_f32(self) -> bool:
        """Whether devices are to compute in float32 whatever their default is."""
        return self.execution_precision == "f32"

    @property
    def budget(self) -> float | None:
        """Seconds for the benchmark, None for none."""
        return self.seconds if self.benchmark else None
