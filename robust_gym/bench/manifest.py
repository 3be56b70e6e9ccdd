"""What a campaign was asked for, kept beside its results: a file that runs it again, and where it ran.

```
OUT/campaigns/<hash of its cells>.yaml    a campaign file
OUT/campaigns/<hash of its cells>.json    its cells, and one entry for each time it was started
```
"""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict

from robust_gym.bench.campaign_file import CampaignFile
from robust_gym.bench.cell import is_cell_path
from robust_gym.bench.files import make_folder, read_regular, write_atomically
from robust_gym.bench.plan import Plan, Request
from robust_gym.bench.training import as_json, provenance
from robust_gym.record import Provenance

FOLDER = "campaigns"


class Start(BaseModel):
    """One start of a campaign.

    Attributes:
        at: When.
        provenance: Version, commit, libraries and machine.
        packages: Every installed distribution and its version.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime
    provenance: Provenance
    packages: dict[str, str]


class Manifest(BaseModel):
    """What is known of a campaign besides its results.

    Attributes:
        cells: Paths of its cells below the folder of the results, in the order in which they start.
        starts: Every time it was started.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: list[str]
    starts: list[Start]


@dataclass(frozen=True)
class Kept:
    """A campaign found in a folder of results.

    Attributes:
        name: The hash of its cells.
        manifest: What is known of it.
    """

    name: str
    manifest: Manifest

    @property
    def paths(self) -> list[PurePosixPath]:
        """Paths of its cells below the folder of the results."""
        return [PurePosixPath(text) for text in self.manifest.cells]


def keep(out: Path, request: Request, plan: Plan) -> str:
    """Write down a campaign that is about to start; return its name.

    Raises:
        OSError: If the folder cannot be written.
    """
    import yaml

    cells = [str(cell.path) for cell in plan.cells]
    name = hashlib.sha256("\n".join(sorted(cells)).encode()).hexdigest()[:12]
    folder = out / FOLDER
    make_folder(folder)
    start = Start(at=_now(), provenance=provenance(), packages=_packages())
    before = _read(folder / f"{name}.json")
    starts = [*(before.starts if before else []), start]
    write_atomically(folder / f"{name}.yaml", yaml.safe_dump(_campaign(out, request, plan), sort_keys=False).encode())
    text = Manifest(cells=cells, starts=starts).model_dump_json(indent=1)
    write_atomically(folder / f"{name}.json", f"{text}\n".encode())
    return name


def kept(out: Path) -> list[Kept]:
    """Return the campaigns of a folder of results, the one started last first; damaged files are left out."""
    found = [Kept(path.stem, one) for path in (out / FOLDER).glob("*.json") if (one := _read(path)) is not None]
    return sorted(found, key=lambda one: one.manifest.starts[-1].at, reverse=True)


def _read(path: Path) -> Manifest | None:
    try:
        found = Manifest.model_validate_json(read_regular(path, links=True))
    except (FileNotFoundError, ValueError):
        return None
    return found if found.starts and all(is_cell_path(PurePosixPath(text)) for text in found.cells) else None


def _campaign(out: Path, request: Request, plan: Plan) -> dict[str, Any]:
    """Return a campaign file's content that asks for the same cells."""
    variants = {cell.variant: cell for cell in plan.cells}
    by_variant: dict[str, dict[str, None]] = {variant: {} for variant in variants}
    for cell in plan.cells:
        by_variant[cell.variant][cell.task] = None
    tasks = {variant: list(names) for variant, names in by_variant.items()}
    # Where algorithms do not run on the same tasks, none is named with one that it refuses.
    alike = len(set(map(tuple, tasks.values()))) == 1
    seeds = list(dict.fromkeys(cell.seed for cell in plan.cells))
    content = CampaignFile.model_validate(
        {
            "algorithms": [
                {
                    "name": cell.algorithm,
                    "arguments": as_json(dict(cell.overrides)),
                    "tasks": [] if alike else tasks[variant],
                }
                for variant, cell in variants.items()
            ],
            "tasks": next(iter(tasks.values())) if alike else [],
            "budget": request.budget,
            "seeds": seeds,
            "protocol": request.protocol,
            "plugins": list(request.plugins),
            "out": str(out),
        }
    )
    return content.model_dump(mode="json", exclude_defaults=True)


def _packages() -> dict[str, str]:
    found: Sequence[importlib.metadata.Distribution] = list(importlib.metadata.distributions())
    return dict(sorted((one.metadata["Name"], one.version) for one in found if one.metadata["Name"]))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
