"""Worker processes that run models in their own runtimes, and the proof that an IR is the same model."""

from ovprep.verify.compare import Comparison
from ovprep.verify.contender import Contender, Precision, Role, Runtime
from ovprep.verify.conversion import DirectConversion
from ovprep.verify.explain import Tolerance
from ovprep.verify.process import Worker
from ovprep.verify.verify import Verification, verify

__all__ = [
    "Comparison",
    "Contender",
    "DirectConversion",
    "Precision",
    "Role",
    "Runtime",
    "Tolerance",
    "Verification",
    "Worker",
    "verify",
]
