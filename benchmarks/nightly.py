"""Run the full property suite on the slow tasks, and record what it found.

    python benchmarks/nightly.py [--all] [--jobs 2] [TASK ...]

Writes ``tests/nightly.json``: for every slow task what each check found, how long it took, a fingerprint of the task's
entry, and the name of the versions it was found with, which stand once under ``environments``. What was written before
entries had such a name is read too: the head of the file then has the versions of the last such run. CI runs the suite
on all other tasks, and for the slow ones it requires a record here, passed, of the entry as it stands. A task with such
a record is skipped unless ``--all`` is given; a killed run goes on where it was. Where the suite has got a check since,
that one is run and joins the others, under their date and versions.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

from robust_gym import conformance, record, registry
from robust_gym.bench.files import write_atomically
from robust_gym.registering.changes import MEASURED

FILE = Path(__file__).parents[1] / "tests" / "nightly.json"


def fingerprint(id: str) -> str:
    """Return a hash of a task's entry, without what is measured of it; a new field at its default changes nothing."""
    entry = {name: value for name, value in _stated(registry.task(id)).items() if name not in MEASURED}
    return hashlib.sha256(json.dumps(entry, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _stated(value: Any) -> Any:
    """Return the fields of a dataclass that differ from their defaults, and of all dataclasses in it."""
    if is_dataclass(value):
        found = {field.name: getattr(value, field.name) for field in fields(value)}
        defaults = {field.name: _default(field) for field in fields(value)}
        stated = {name: one for name, one in found.items() if one != defaults[name]}
        return {name: _stated(one) for name, one in stated.items()}
    if isinstance(value, Mapping):
        return {key: _stated(one) for key, one in value.items()}
    return value


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def slow_tasks() -> list[str]:
    """List the slow tasks that can be made here."""
    return [id for id in registry.list_tasks() if registry.task(id).slow and registry.task(id).missing() is None]


def load() -> dict[str, Any]:
    """Read the last results, by task."""
    results: dict[str, Any] = json.loads(FILE.read_text())["tasks"] if FILE.exists() else {}
    return results


def passed(id: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a task whose entry has passed as it stands, if by fewer checks; else nothing."""
    known: dict[str, Any] = results.get(id, {})
    right = known and known["fingerprint"] == fingerprint(id) and set(known["checks"].values()) == {"ok"}
    return known if right else {}


def up_to_date(id: str, results: Mapping[str, Any]) -> bool:
    """Return whether a task's entry has passed as it stands."""
    return set(passed(id, results).get("checks", ())) == set(conformance.CHECKS)


def check(id: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Run the suite on one task, in this process, but for what is known of it."""
    started = time.perf_counter()
    names = [name for name in conformance.CHECKS if name not in known.get("checks", ())]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        findings = conformance.check_task(id, names)
    found = {finding.check: "ok" if finding.ok else finding.detail[:500] for finding in findings}
    return {
        "fingerprint": fingerprint(id),
        "checks": {name: found.get(name, "ok") for name in conformance.CHECKS},
        "seconds": round(known.get("seconds", 0.0) + time.perf_counter() - started, 1),
        "date": known.get("date", datetime.datetime.now(datetime.timezone.utc).date().isoformat()),
        **({"environment": known.get("environment")} if known else {}),
    }


def check_apart(id: str, anew: bool) -> tuple[str, dict[str, Any]]:
    """Run the suite on one task in a process of its own: simulators leak, crash, and change what others see."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(file), id, *["--all"][: int(anew)]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if file.exists():
            return id, json.loads(file.read_text())
    last = done.stderr.strip().splitlines()[-1:]
    return id, {"fingerprint": fingerprint(id), "checks": {"process": f"exit {done.returncode} {last}"}, "seconds": 0.0}


def save(id: str, result: dict[str, Any], about: record.Provenance) -> None:
    """Write a task's result among the others, with the versions it was found with."""
    data = json.loads(FILE.read_text()) if FILE.exists() else {"tasks": {}}
    known = set(registry.list_tasks())
    versions = {"libraries": dict(about.libraries), "python": about.machine.python}
    name = hashlib.sha256(json.dumps(versions, sort_keys=True).encode()).hexdigest()[:8]
    # A result that a new check has joined keeps the versions of the others, which are the head's where it names none.
    said = {"environment": name, **result}
    results = {**data["tasks"], id: {key: value for key, value in said.items() if value is not None}}
    tasks = {id: results[id] for id in sorted(results) if id in known}
    used = {one.get("environment") for one in tasks.values()}
    environments = {**data.get("environments", {}), name: versions}
    head = {name: data[name] for name in versions if name in data and None in used}
    data = {
        **head,
        "environments": {name: environments[name] for name in sorted(environments) if name in used},
        "tasks": tasks,
    }
    write_atomically(FILE, (json.dumps(data, indent=1) + "\n").encode())


def main() -> int:
    """Check, record, and return 1 if a task failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", help="ids, families or globs of slow tasks; all of them by default")
    parser.add_argument("--all", action="store_true", help="also those that have passed as they stand")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        (id,) = options.tasks
        options.one.write_text(json.dumps(check(id, {} if options.all else passed(id, load()))))
        return 0
    results = load()
    wanted = set(registry.match_tasks(options.tasks) if options.tasks else registry.list_tasks())
    todo = [id for id in slow_tasks() if id in wanted and (options.all or not up_to_date(id, results))]
    failed, about = 0, record.provenance()
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(check_apart, id, options.all) for id in todo]
        for number, future in enumerate(as_completed(futures), start=1):
            id, result = future.result()
            save(id, result, about)
            bad = {name: detail for name, detail in result["checks"].items() if detail != "ok"}
            failed += bool(bad)
            print(f"[{number}/{len(todo)}] {id} {result['seconds']:.0f} s {bad or 'ok'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
