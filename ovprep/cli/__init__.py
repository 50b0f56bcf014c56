"""The command line."""

from ovprep.cli.app import main

__all__ = ["main"]
