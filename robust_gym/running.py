"""The commands that compute, ``bench`` and ``eval``: their arguments, and who does the work."""

from __future__ import annotations

import argparse
import math
from pathlib import Path


def add_bench(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``bench``."""
    add = parser.add_argument
    add("campaign", nargs="?", type=Path, metavar="FILE", help="campaign file (YAML); options override it")
    add("--suite", metavar="NAME", help="a campaign that comes with the package; see 'robust-gym ls suites'")
    add("--algo", action="append", default=[], metavar="NAME", help="algorithm; repeatable, or a comma list")
    add(
        "--tasks",
        action="extend",
        nargs="+",
        default=[],
        metavar="TASK",
        help="ids, globs, families; default small tasks",
    )
    add("--budget", choices=("smoke", "quick", "standard"), help="training budget (default quick)")
    add("--seeds", help="a count, or a list such as 0,1,5; default 1 (smoke), 3 (quick), 5 (standard)")
    add("--jobs", type=_positive, metavar="N", help="cells at once (default: one per core)")
    add("--engine", default="", metavar="NAME", help="where cells run: local, ray or slurm (default local)")
    add("--address", metavar="HOST:PORT", help="of a Ray cluster, or 'auto' for the one on this machine")
    add("--engine-set", action="append", default=[], metavar="NAME=VALUE", help="option of the engine; repeatable")
    add("--time-limit", type=float, metavar="SECONDS", help="stop a cell that takes longer; it counts as failed")
    add("--memory-limit", type=float, metavar="MIB", help="stop a cell that holds more memory; it counts as failed")
    add(
        "--checkpoint-every",
        type=_seconds,
        metavar="SECONDS",
        help="how often a training leaves a checkpoint to go on from, where its algorithm does (default 300)",
    )
    add("--out", type=Path, metavar="DIR", help="where results go (default results)")
    add("--protocol", help="version of the evaluation protocol (default v1)")
    add("--settings", default="", metavar="NAME", help="named arguments of the algorithms, such as 'paper' or 'fast'")
    add("--set", action="append", default=[], metavar="NAME=VALUE", help="argument of the algorithms; repeatable")
    add("--retry-failed", action="store_true", help="try cells again that have failed")
    add("--no-compare", action="store_true", help="leave out the algorithms run for comparison")
    add(
        "--progress",
        choices=("auto", "plain", "json", "none"),
        default="auto",
        help="how it shows progress (default auto)",
    )
    add("--tensorboard", type=Path, metavar="DIR", help="log every cell to TensorBoard")
    add("--wandb", metavar="PROJECT", help="log every cell to a project of Weights & Biases")
    parser.set_defaults(run=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    from robust_gym.baselines.checkpoints import SECONDS
    from robust_gym.bench.arguments import listed, parse_options, parse_seeds
    from robust_gym.bench.campaign_file import engine_of, merged, read_campaign, suite
    from robust_gym.bench.command import Options, bench
    from robust_gym.bench.engines import EngineChoice
    from robust_gym.bench.limits import Limits
    from robust_gym.bench.plan import Request
    from robust_gym.bench.reporting import Reporting
    from robust_gym.leaderboard.page import build

    if arguments.campaign and arguments.suite:
        raise ValueError("give a campaign file or --suite, not both")
    file = read_campaign(arguments.campaign) if arguments.campaign else None
    file = suite(arguments.suite) if arguments.suite else file
    asked = Request(
        algorithms=listed("--algo", arguments.algo),
        tasks=listed("--tasks", arguments.tasks),
        budget=arguments.budget or "",
        seeds=parse_seeds(arguments.seeds) if arguments.seeds is not None else (),
        protocol=arguments.protocol or "",
        assignments=tuple(arguments.set),
        settings=arguments.settings,
        compare=not arguments.no_compare,
        plugins=tuple(arguments.plugin),
    )
    out = arguments.out or Path(file.out if file else "results")
    reporting = Reporting(arguments.progress, arguments.tensorboard, arguments.wandb)
    limits = Limits(arguments.time_limit, arguments.memory_limit)
    options = parse_options(arguments.engine_set)
    engine = engine_of(file, EngineChoice(arguments.engine, arguments.jobs, arguments.address, options, limits))
    every = arguments.checkpoint_every or SECONDS
    return bench(Options(merged(file, asked), out, engine, arguments.retry_failed, reporting, every), build)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"must be a positive number of seconds, got {text!r}")
    return seconds


def add_eval(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``eval``."""
    add = parser.add_argument
    add("policy", metavar="POLICY", help="a saved policy's folder, a cell's folder, or module:function")
    add("--task", metavar="ID", help="task to evaluate on; a saved policy knows its own")
    add("--splits", action="extend", nargs="+", default=[], metavar="SPLIT", help="only splits whose names start so")
    add(
        "--disruption",
        action="extend",
        nargs="+",
        default=[],
        metavar="S",
        help="evaluate these instead of the protocol's disruptions",
    )
    add("--episodes", type=_positive, metavar="N", help="episodes per disruption (default: all of the protocol)")
    add("--protocol", default="v1", help="version of the evaluation protocol (default v1)")
    add("--name", help="name in the records, which are then ranked apart from those of trained algorithms")
    add("--out", type=Path, metavar="FILE", help="write the records to a file, for the leaderboard")
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_eval)


def _eval(arguments: argparse.Namespace) -> int:
    from robust_gym.bench.arguments import listed
    from robust_gym.bench.evaluation import Options, evaluate_command

    if arguments.splits and arguments.disruption:
        raise ValueError("give --splits or --disruption, not both")
    options = Options(
        policy=arguments.policy,
        task=arguments.task,
        splits=listed("--splits", arguments.splits),
        disruptions=tuple(arguments.disruption),
        episodes=arguments.episodes,
        protocol=arguments.protocol,
        name=arguments.name,
        out=arguments.out,
        json=arguments.json,
        plugins=tuple(arguments.plugin),
    )
    return evaluate_command(options)
