"""``robust-gym eval``: one policy on one task, on the protocol's cells or on disruptions of one's own."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from robust_gym import record, registry
from robust_gym.bench.files import make_folder, write_atomically
from robust_gym.bench.policies import checked_name, find_policy, renamed
from robust_gym.bench.training import as_json, make_records
from robust_gym.evaluate import Evaluation, evaluate
from robust_gym.plugins import load_plugins
from robust_gym.terminal import console, table

COLUMNS = ("split", "disruption", "mean return", "mean length", "episodes")
COST = "mean cost"

HEADINGS = {"id": "ID", "ood": "OOD", "worst": "worst", "gap": "gap"}


@dataclass(frozen=True)
class Options:
    """What ``eval`` is asked to do.

    Attributes:
        policy: A folder, or ``module:function``.
        task: Id of the task; ``None`` for the one that a saved policy was trained on.
        splits: Splits of the protocol, or their beginnings; empty for all.
        disruptions: Disruptions to evaluate instead.
        episodes: Episodes per disruption; ``None`` for as many as the protocol has.
        protocol: Version of the protocol.
        name: Name in the records, which then are not those of the policy's training.
        out: File for the records.
        json: Whether to print one JSON object instead of tables.
        plugins: Modules that register tasks or algorithms.
    """

    policy: str
    task: str | None = None
    splits: tuple[str, ...] = ()
    disruptions: tuple[str, ...] = ()
    episodes: int | None = None
    protocol: str = "v1"
    name: str | None = None
    out: Path | None = None
    json: bool = False
    plugins: tuple[str, ...] = ()


def evaluate_command(options: Options) -> int:
    """Evaluate a policy, print how it did, and write the records if asked to.

    Raises:
        ValueError: If the options make no sense; its subclasses say more.
        FileNotFoundError: If there is no such policy.
    """
    load_plugins(options.plugins)
    if options.task is not None:
        registry.task(options.task).require()
    name = None if options.name is None else checked_name(options.name)
    if options.out is not None and options.out.is_dir():
        raise ValueError(f"--out {str(options.out)!r} is a folder; name a file for the records")
    found = find_policy(options.policy, options.task)
    if options.out is not None:
        make_folder(options.out.parent)
    id = options.task or found.training.task
    registry.task(id).require()
    _check_spaces(found.training.task, id)
    with _progress() as progress:
        evaluation = evaluate(
            found.policy,
            id,
            protocol=options.protocol,
            splits=options.splits or None,
            disruptions=options.disruptions or None,
            episodes=options.episodes,
            progress=progress,
        )
    if options.out is not None:
        records = make_records(renamed(found.training, id, name), evaluation)
        write_atomically(options.out, record.dump(records).encode())
    if options.json:
        print(json.dumps({"policy": options.policy, **describe(evaluation)}, indent=2))
    else:
        _print(evaluation)
    return 0


def _check_spaces(trained: str, asked: str) -> None:
    """Check that a policy of one task fits another.

    Raises:
        ValueError: If their spaces, as far as they are noted, differ.
    """
    if trained == asked or trained not in registry.list_tasks():
        return
    one, other = registry.task(trained).spaces, registry.task(asked).spaces
    for kind in ("observation", "action"):
        if one and other and one[kind] != other[kind]:
            raise ValueError(
                f"the policy was trained on {trained}, whose {kind} space is {one[kind]}; "
                f"that of {asked} is {other[kind]}"
            )


def describe(evaluation: Evaluation) -> dict[str, object]:
    """Return an evaluation as JSON values; JSON has no number that is not finite, and null stands for one."""
    values = {
        "task": evaluation.task,
        "protocol": evaluation.protocol,
        "protocol_sha256": evaluation.protocol_sha256,
        "seconds": evaluation.seconds,
        "summary": evaluation.summary(),
        "splits": evaluation.split_means(),
        "costs": evaluation.split_costs(),
        "results": [{**asdict(result), "mean": result.mean} for result in evaluation.results],
    }
    return as_json(values)


def _print(evaluation: Evaluation) -> None:
    out = console()
    lines = [
        (
            result.split,
            result.disruption,
            f"{result.mean:,.2f}",
            f"{sum(result.lengths) / len(result.lengths):,.1f}",
            str(len(result.returns)),
            *((f"{sum(result.costs) / len(result.costs):,.2f}",) if result.costs else ()),
        )
        for result in evaluation.results
    ]
    shown = (*COLUMNS, COST) if any(result.costs for result in evaluation.results) else COLUMNS
    out.print(table(shown, lines, title=evaluation.task, numbers=shown[2:]))
    means = [(split, f"{value:,.2f}") for split, value in evaluation.split_means().items()]
    out.print()
    out.print(table(("split", "mean return"), means, numbers=("mean return",)))
    summary = evaluation.summary()
    if len(summary) > 1:
        out.print()
        values = [[f"{value:,.2f}" for value in summary.values()]]
        columns = [HEADINGS[name] for name in summary]
        out.print(table(columns, values, numbers=columns))


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Show a bar on a terminal while the evaluation runs."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import Progress

    with Progress(console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("episodes", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
