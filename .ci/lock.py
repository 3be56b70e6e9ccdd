"""Print the lock: every installed distribution at its exact version, but not this package itself."""

from __future__ import annotations

import importlib.metadata
import platform

# Installed without dependencies by the Makefile, or part of every virtual environment.
LEFT_OUT = {"robust-gym", "pip", "sustaingym", "safety-gymnasium", "metaworld"}

# Without wheels for newer versions of Python, as the extra dm_control says.
MARKERS = {"dm-control": "python_version < '3.13'", "labmaze": "python_version < '3.13'"}

print(f"# Exact versions for `make` and CI; written by `make lock` with Python {platform.python_version()}.")
print("# What the Makefile calls NO_DEPS is installed beside these.")
versions = {
    distribution.metadata["Name"].lower().replace("_", "-"): distribution.version.partition("+")[0]
    for distribution in importlib.metadata.distributions()
}
for name, version in sorted(versions.items()):
    if name not in LEFT_OUT:
        print(f"{name}=={version}" + (f"; {MARKERS[name]}" if name in MARKERS else ""))
