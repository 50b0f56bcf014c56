"""The proof that a model is the same model: signals, the error budget, invariances, and the search for what differs."""

from ovprep.proof.compare import Comparison
from ovprep.proof.explain import Tolerance
from ovprep.proof.verify import Verification, verify

__all__ = ["Comparison", "Tolerance", "Verification", "verify"]
