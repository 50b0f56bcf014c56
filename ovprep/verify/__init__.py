"""Worker processes that run models in their own runtimes, and the proof that an IR is the same model."""

import sys
from types import ModuleType
from typing import Any

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


class _Package(ModuleType):
    """`ovprep.verify` is this package once anything in it was imported, and still the function of that name."""

    def __call__(self, *models: Any, **options: Any) -> Any:
        from ovprep.verifying import verify as run

        return run(*models, **options)


sys.modules[__name__].__class__ = _Package
