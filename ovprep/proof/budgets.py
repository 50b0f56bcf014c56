"""The error budget of each signal: what float32 rounding does to this very model when it is fed that signal."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from ovprep.proof.compare import CEILING, FACTOR, Budget
from ovprep.proof.inputs.cases import NOISE
from ovprep.proof.rounding import Rounding


@dataclass(frozen=True)
class Floor:
    """What float32 rounding does to each output for one signal, and the outputs' scales.

    `unsettled` are the outputs of which not even that is certain whether they are finite, as 0 / 0 in silence.
    """

    noise: tuple[float, ...]
    scales: tuple[float, ...]
    unsettled: tuple[bool, ...]

    def joined(self, other: "Floor") -> "Floor":
        """The larger of both, output by output."""
        return Floor(
            tuple(map(max, self.noise, other.noise)),
            tuple(map(max, self.scales, other.scales)),
            tuple(map(max, self.unsettled, other.unsettled)),
        )


@dataclass(frozen=True)
class Budgets:
    """The budgets of all signals.

    `floors` by signal are None where the float64 yardstick could not be run. `scales` are the largest magnitudes of the
    original's outputs over all signals; `roundings` what arithmetic in 8 bits adds. `given` is the share of the scales
    that the caller allows, in place of all that.
    """

    floors: Mapping[str, Floor] | None
    scales: tuple[float, ...]
    roundings: tuple[Rounding | None, ...] = ()
    given: float | None = None

    def of(self, signal: str) -> Budget:
        """The budget of one signal; a fixed share of the scale for one that was not measured.

        Noise does not stand in for it: where noise saturates an output, rounding is hardly seen there.
        """
        if self.floors is None or signal not in self.floors:
            return Budget(None, self.scales, self.roundings, given=self.given)
        return Budget(self.floors[signal].noise, self.scales, self.roundings, self._shares(), self.given)

    @property
    def general(self) -> Budget:
        """That of noise, by which the model as a whole is described."""
        return self.of(NOISE)

    def telling(self, signal: str, index: int) -> bool:
        """Whether output number `index` is determined by the model at all where it is fed this signal.

        Where float32 rounding alone moves it by more than any budget allows, two correct runtimes differ as well. Noise
        always tells, lest a wrong yardstick forgives everything.
        """
        if self.floors is None or signal == NOISE or signal not in self.floors:
            return True
        floor = self.floors[signal]
        ceiling = CEILING * max(self.scales[index], floor.scales[index])
        return not floor.unsettled[index] and FACTOR * floor.noise[index] <= ceiling

    def _shares(self) -> tuple[float, ...]:
        """Per output, the float32 noise in units of the scale that the model is known for.

        The maximum over few values may come out small by chance, so the median over the signals has a say as well.
        """
        assert self.floors is not None
        found = []
        for index in range(len(self.scales)):
            shares = {name: _share(floor, index) for name, floor in self.floors.items()}
            found.append(max(shares.get(NOISE, 0.0), median(shares.values()) if shares else 0.0))
        return tuple(found)


def _share(floor: Floor, index: int) -> float:
    return floor.noise[index] / floor.scales[index] if floor.scales[index] else 0.0
