"""What a caller may say about how a model is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class ReadOptions:
    """How the original is read, and loaded by its own framework.

    `weights` is the file with the weights of a model whose own file has the architecture only. `allow_code` lets the
    framework run Python code that the file carries. `plugins` are Python modules, by name or path, that register rules
    or classes for custom layers; naming one runs it. `signature` is the one of a SavedModel that is to be converted.
    """

    weights: Path | None = None
    allow_code: bool = False
    plugins: tuple[str, ...] = ()
    signature: str | None = None

    def packed(self) -> dict[str, Any]:
        """The options as JSON has them, for another process."""
        weights = None if self.weights is None else str(self.weights)
        return {
            "weights": weights,
            "allow_code": self.allow_code,
            "plugins": list(self.plugins),
            "signature": self.signature,
        }

    @classmethod
    def unpacked(cls, body: Mapping[str, Any]) -> Self:
        """The inverse of `packed`; what is missing takes its default."""
        weights = body.get("weights")
        path = None if weights is None else Path(weights)
        plugins = tuple(body.get("plugins", ()))
        return cls(path, bool(body.get("allow_code", False)), plugins, body.get("signature"))
