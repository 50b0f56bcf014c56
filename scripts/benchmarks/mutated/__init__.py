"""Ways to get a graph wrong, each as a converter once did or easily might; one file for each family."""

from benchmarks.mutated import operations, recurrence, weights, windows
from benchmarks.mutated.registry import MUTATIONS, Seed

__all__ = ["MUTATIONS", "Seed", "operations", "recurrence", "weights", "windows"]
