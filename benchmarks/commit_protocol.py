"""Write the protocol's hashes into ``robust_gym/protocols.json``.

    python benchmarks/commit_protocol.py          # adds the hashes of new tasks
    python benchmarks/commit_protocol.py --force  # also replaces changed ones: a new protocol version

Only tasks that come with the package have a line, not those of plug-ins that are installed. A hash that is already
committed is never replaced without ``--force``: published results depend on it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from measurements import own_tasks

from robust_gym.splits import PROTOCOLS, no_protocol, task_protocol

FILE = Path(__file__).parents[1] / "robust_gym" / "protocols.json"


def main(force: bool) -> int:
    """Write new hashes; return 1 if a committed one would change."""
    own = own_tasks()
    committed = json.loads(FILE.read_text())
    changed = []
    for version in PROTOCOLS:
        hashes = committed.setdefault(version, {})
        for id in [id for id in own if no_protocol(id, version) is None]:
            digest = task_protocol(id, version).sha256
            if hashes.setdefault(id, digest) != digest:
                changed.append(f"{version} {id}: {hashes[id][:12]} is now {digest[:12]}")
                if force:
                    hashes[id] = digest
    FILE.write_text(json.dumps(committed, indent=1, sort_keys=True) + "\n")
    print("\n".join(changed) or f"{sum(map(len, committed.values()))} hashes, none changed")
    return 1 if changed and not force else 0


if __name__ == "__main__":
    sys.exit(main("--force" in sys.argv[1:]))
