"""Every error that ovprep raises on purpose.

    OvprepError
    ├── ModelError               the file is missing, damaged, or not what it says it is
    ├── UnsupportedError         the model holds something that ovprep does not handle
    │   └── UncoveredError       no rule covers a layer, but its own framework may still export the model
    ├── OutputError              the output folder cannot be written, or is somebody else's
    ├── OptionError              an option has a value that makes no sense
    ├── RuntimeFailure           a worker process died, hung, or could not run a model
    ├── VerificationError        the converted model is not the original
    └── MissingDependencyError   a package that this job needs is not installed

A message is one or two sentences: what is wrong, where, and what to do next. The command line prints the message alone
and exits with the error's `exit_code`; anything that is not an `OvprepError` is a bug and keeps its traceback.
"""

from typing import ClassVar

GATE_EXIT_CODE = 4
"""Of a command that did all it should, and whose result does not keep a limit such as `--fail-if-slower`."""


class OvprepError(Exception):
    """Root of all errors that a user can act upon."""

    exit_code: ClassVar[int] = 1


class ModelError(OvprepError):
    """The model file is missing, damaged, or not what it says it is."""


class UnsupportedError(OvprepError):
    """The model holds something that ovprep does not handle; the message names it and where it stands."""


class UncoveredError(UnsupportedError):
    """No rule covers a layer of the model, but its own framework may still export it."""


class OutputError(OvprepError):
    """The output folder cannot be written, or was not written by ovprep."""


class OptionError(OvprepError):
    """An option has a value that makes no sense."""


class RuntimeFailure(OvprepError):
    """A worker process died, hung, or could not run its model."""


class VerificationError(OvprepError):
    """The converted model does not compute what the original computes."""

    exit_code: ClassVar[int] = 3


class MissingDependencyError(OvprepError):
    """A package that this job needs is not installed."""
