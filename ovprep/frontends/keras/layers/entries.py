"""The configuration of a layer as its rule reads it: entries that make sense, or an error that names them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ovprep.errors import ModelError, UncoveredError
from ovprep.frontends.keras.network import LayerConfig

_LARGEST_FLOAT = float(np.finfo(np.float32).max)


class Entries:
    """Typed access to a layer's configuration. Every method raises ModelError for an entry that makes no sense."""

    def __init__(self, spec: LayerConfig) -> None:
        self.spec = spec

    @property
    def channels_first(self) -> bool:
        """Whether the layer's tensors are NCW."""
        return self.choice("data_format", ("channels_last", "channels_first")) == "channels_first"

    def get(self, key: str, default: Any = None) -> Any:
        """An entry of the configuration; the default also where the entry is null."""
        value = self.spec.config.get(key)
        return default if value is None else value

    def number(self, key: str, default: float | None = None) -> float:
        """A numeric entry; Keras 3 stores some of them as {"class_name": "__numpy__", "config": {"value": …}}."""
        value = self.get(key, default)
        if isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
            value = value["config"].get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _LARGEST_FLOAT:
            raise self.invalid(key)
        return float(value)

    def whole(self, key: str, default: int | None = None, *, least: int | None = None) -> int:
        """An entry that is one integer, or a list of one; `least` is the smallest that makes sense."""
        value = self.get(key, default)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not is_whole(value) or (least is not None and value < least):
            raise self.invalid(key)
        return int(value)

    def wholes(self, key: str, number: int, default: int | None = None, *, least: int | None = None) -> tuple[int, ...]:
        """An entry that is a list of so many integers, or one that stands for all of them."""
        value = self.get(key, default)
        items = value if isinstance(value, list) else [value] * number
        if len(items) == 1:
            items = items * number
        if len(items) != number or not all(is_whole(item) and (least is None or item >= least) for item in items):
            raise self.invalid(key)
        return tuple(items)

    def axis(self, rank: int) -> int:
        """The entry `axis` of a tensor of that rank, counted from the front; the last one where there is no entry."""
        axis = self.whole("axis", -1)
        if not -rank <= axis < rank:
            raise self.invalid("axis")
        return axis % rank

    def flag(self, key: str, default: bool) -> bool:
        """An entry that is true or false; Keras takes, and stores, 1 and 0 as well."""
        value = self.get(key, default)
        if not isinstance(value, bool) and not (isinstance(value, int) and value in (0, 1)):
            raise self.invalid(key)
        return bool(value)

    def choice(self, key: str, words: Sequence[str]) -> str:
        """An entry that is one of the words, in any case; the first of them where there is no entry."""
        value = self.get(key, words[0])
        if not isinstance(value, str) or value.lower() not in words:
            raise self.invalid(key)
        return value.lower()

    def pair(self, key: str) -> tuple[int, int]:
        """An entry that is one integer, zero or more, for both ends, or a list of two."""
        value = self.get(key, [1, 1])
        both = value if isinstance(value, list) else [value, value]
        if len(both) != 2 or not all(is_whole(item) and item >= 0 for item in both):
            raise self.invalid(key)
        return both[0], both[1]

    def invalid(self, key: str) -> ModelError:
        """The error for an entry of the configuration that makes no sense."""
        return ModelError(f"Layer {self.spec} has {key}={self.spec.config.get(key)!r}, which makes no sense.")

    def unsupported(self, what: str) -> UncoveredError:
        """The error for something that the layer may hold but no rule covers."""
        return UncoveredError(f"Layer {self.spec} {what}, which ovprep does not handle.")


def is_whole(value: Any) -> bool:
    """Whether a value from JSON is an integer of a size that a tensor may have."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
