"""The commands for results, from ``submit`` to ``replay``: their arguments, and who does the work."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add_submit(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``submit``."""
    add = parser.add_argument
    add("results", type=Path, nargs="+", metavar="RESULTS", help="folders of results, or files of records")
    add("--out", type=Path, required=True, metavar="FILE", help="the zip file to write")
    add("--name", help="who submits, or what the method is called")
    add("--contact", help="how to reach you")
    add("--url", help="where the method or its code is")
    add("--note", help="anything else that a reader should know")
    add(
        "--policy-entry",
        metavar="MODULE:FUNCTION",
        help="for runs without a saved policy: FUNCTION(task id, training seed) returns it",
    )
    parser.set_defaults(run=_submit)


def _submit(arguments: argparse.Namespace) -> int:
    from robust_gym.submission.submitting import Options, submit_command

    names = ("out", "name", "contact", "url", "note", "policy_entry")
    given = {name: getattr(arguments, name) for name in names}
    return submit_command(Options(sources=tuple(arguments.results), plugins=tuple(arguments.plugin), **given))


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``verify``."""
    add = parser.add_argument
    parser.epilog = (
        "exit codes: 0 verified, 1 not verified, 3 could not be verified, 2 an error in the use of the command"
    )
    add("file", type=Path, metavar="FILE", help="a submission")
    add("--cells", type=_at_least(1), default=5, metavar="N", help="disruptions of each run to play again (default 5)")
    add(
        "--fresh",
        type=_at_least(0),
        default=20,
        metavar="N",
        help="fresh episodes under each of them, at least; 0 leaves the test out (default 20)",
    )
    add(
        "--seed",
        type=_at_least(0),
        metavar="S",
        help="chooses cells and fresh seeds (default: drawn)",
    )
    add("--trust-code", action="store_true", help="import and run the code that the submission names as its policy")
    add("--time-limit", type=float, metavar="SECONDS", help="stop playing a run that takes longer")
    add("--memory-limit", type=float, metavar="MIB", help="stop playing a run that holds more memory")
    add("--out", type=Path, metavar="FILE", help="where the verdict goes (default: beside the submission, as JSON)")
    add("--results", type=Path, metavar="DIR", help="folder of results that the runs join, with their verdicts")
    parser.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    from robust_gym.bench.limits import Limits
    from robust_gym.submission.verifying import Options, verify_command

    names = ("file", "cells", "fresh", "seed", "trust_code", "out", "results")
    given = {name: getattr(arguments, name) for name in names}
    limits = Limits(arguments.time_limit, arguments.memory_limit)
    return verify_command(Options(plugins=tuple(arguments.plugin), limits=limits, **given))


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``compare``."""
    add = parser.add_argument
    add("first", metavar="A", help="an algorithm, or a row of the leaderboard such as 'robust-vdn (rho=0.02)'")
    add("second", metavar="B", help="what it is compared with")
    add(
        "results",
        type=Path,
        nargs="*",
        metavar="RESULTS",
        help="folders or files with records (default: published)",
    )
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    from robust_gym.leaderboard.comparing import compare_command

    return compare_command(arguments.first, arguments.second, arguments.results, as_json=arguments.json)


def add_plot(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``plot``."""
    add = parser.add_argument
    add(
        "results",
        type=Path,
        nargs="*",
        metavar="RESULTS",
        help="folders or files with records (default: published)",
    )
    kinds = ("curves", "profile", "scatter", "heatmap")
    add(
        "--kind",
        choices=kinds,
        required=True,
        help="score against severity, performance profiles, OOD against ID, or a table in colours",
    )
    add("--out", type=Path, required=True, metavar="FILE", help="an .svg or .png file")
    add("--task", action="extend", nargs="+", default=[], metavar="TASK", help="only these tasks: ids, globs, families")
    add("--algo", action="append", default=[], metavar="NAME", help="only these algorithms or rows; repeatable")
    add("--budget", metavar="NAME", help="only results of this budget")
    add("--protocol", metavar="VERSION", help="only results of this protocol")
    add("--train", choices=("nominal", "disrupted"), help="only results of this training")
    parser.set_defaults(run=_plot)


def _plot(arguments: argparse.Namespace) -> int:
    from robust_gym.leaderboard.plotting import Options, plot_command

    options = Options(
        kind=arguments.kind,
        out=arguments.out,
        results=tuple(arguments.results),
        tasks=tuple(arguments.task),
        algorithms=tuple(arguments.algo),
        budget=arguments.budget,
        protocol=arguments.protocol,
        train=arguments.train,
    )
    return plot_command(options)


def add_replay(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``replay``."""
    add = parser.add_argument
    add("cell", type=Path, metavar="CELL", help="a cell's folder, or the records.jsonl in it")
    add("--disruption", default="none", metavar="S", help="the disruption to show (default none)")
    add(
        "--episode",
        type=_at_least(0),
        default=0,
        metavar="N",
        help="which of the recorded episodes, from 0 on (default 0)",
    )
    add("--out", type=Path, required=True, metavar="FILE", help="a .gif or .mp4 file")
    parser.set_defaults(run=_replay)


def _replay(arguments: argparse.Namespace) -> int:
    from robust_gym.replay.command import replay_command

    return replay_command(arguments.cell, arguments.disruption, arguments.episode, arguments.out, arguments.plugin)


def _at_least(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 19 and int(text) >= least):
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, got {text!r}")
        return int(text)

    return whole
