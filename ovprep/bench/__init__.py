"""The benchmark of a model in its own runtime, in OpenVINO's direct conversion, and as ovprep's IR."""

from ovprep.bench.environment import Environment
from ovprep.bench.protocol import benchmark
from ovprep.bench.results import Benchmark, Measurement, Pair

__all__ = ["Benchmark", "Environment", "Measurement", "Pair", "benchmark"]
