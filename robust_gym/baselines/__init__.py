"""Baselines: every file here is one algorithm, registered when it is imported; see ``base.py``."""

from __future__ import annotations

import importlib
import pkgutil

from robust_gym import registry


def _import_all() -> None:
    for module in pkgutil.iter_modules(__path__):
        if not module.ispkg and module.name != "base":
            importlib.import_module(f"{__name__}.{module.name}")


registry.set_loader("algorithms", _import_all)
