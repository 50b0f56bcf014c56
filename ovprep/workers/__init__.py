"""Worker processes that run models in their own runtimes: what is proven and timed runs there."""

from ovprep.workers.contender import Contender, Precision, Role, Runtime
from ovprep.workers.conversion import DirectConversion
from ovprep.workers.process import Worker

__all__ = ["Contender", "DirectConversion", "Precision", "Role", "Runtime", "Worker"]
