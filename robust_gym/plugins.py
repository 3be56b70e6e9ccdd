"""Loading modules that register tasks, algorithms or kinds of disruption of one's own.

Packages announce themselves by entry points; a module under development is named on the command line
(``--plugin MODULE``), and is then imported by every worker process too.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType


class PluginError(ValueError):
    """A plug-in that cannot be imported; the message says why."""


def load_plugin(name: str) -> ModuleType:
    """Import a plug-in.

    Args:
        name: A module's dotted name, importable from the working directory too, or the path of a ``.py`` file.

    Raises:
        PluginError: If there is no such module or file, or if importing it fails.
    """
    try:
        return _load_file(Path(name)) if name.endswith(".py") else _load_module(name)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"the plug-in {name!r} failed to import: {type(error).__name__}: {error}") from error


def load_plugins(names: Iterable[str]) -> None:
    """Import several plug-ins, after everything that comes with the package.

    Raises:
        PluginError: If one cannot be imported.
    """
    # These two announce to the registry how their parts are found.
    import robust_gym.baselines
    import robust_gym.tasks  # noqa: F401

    for name in names:
        load_plugin(name)


def _load_module(name: str) -> ModuleType:
    _add_to_path(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise PluginError(f"no module {name!r} can be imported from here; give a module or a .py file") from None
        raise


def _add_to_path(folder: Path) -> None:
    """Let modules of a folder be imported, here and in processes that this one spawns."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise PluginError(f"there is no file {str(path)!r}")
    _add_to_path(path.resolve().parent)
    name = path.stem
    loaded = sys.modules.get(name)
    if loaded is not None:
        if getattr(loaded, "__file__", None) == str(path.resolve()):
            return loaded
        raise PluginError(f"{str(path)!r} has the name of a module that is already imported, {name!r}; rename the file")
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise PluginError(f"{str(path)!r} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, so that what it defines can be pickled.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
