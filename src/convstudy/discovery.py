"""Import all modules of a package, so that a new metric, source, block, layer or section needs only one new file."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def members(package_name: str) -> tuple[ModuleType, ...]:
    """Import the modules and packages inside a package of convstudy, and return them in name order.

    The caller uses the modules that define a constant such as ``LAYERS``. The other modules contain shared code.

    >>> [module.__name__ for module in members("convstudy.networks.modules")][:2]
    ['convstudy.networks.modules.batch_norm', 'convstudy.networks.modules.dropout']

    Raises:
        ValueError: if the package is not part of convstudy.
    """
    if not package_name.startswith("convstudy."):
        raise ValueError(f"package_name must be a package of convstudy; got {package_name!r}")
    paths = importlib.import_module(package_name).__path__
    names = sorted(found.name for found in pkgutil.iter_modules(paths))
    return tuple(importlib.import_module(f"{package_name}.{name}") for name in names)
