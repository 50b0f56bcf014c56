"""Imports the user's own modules, which register rules or classes for custom layers."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from ovprep.errors import OptionError


def load_plugins(plugins: Iterable[str]) -> None:
    """Imports each module, given by its name or as the path of a `.py` file; one that was imported stays as it is.

    Raises OptionError where there is no such module, or it cannot be imported.
    """
    for plugin in plugins:
        try:
            if plugin.endswith(".py"):
                _load_file(Path(plugin))
            else:
                importlib.import_module(plugin)
        except (Exception, SystemExit) as error:
            raise OptionError(f"The plugin {plugin} cannot be imported: {type(error).__name__}: {error}.") from error


def _load_file(path: Path) -> None:
    absolute = path.resolve()
    name = f"ovprep_plugin_{absolute.stem}_{hashlib.sha256(str(absolute).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return
    if not absolute.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location(name, absolute)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
