"""The command ``dataset``: its arguments, and who does the work."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_dataset(parser: argparse.ArgumentParser) -> None:
    """Give a parser the arguments of ``dataset``."""
    add = parser.add_argument
    add("task", metavar="TASK", help="id of a task with one agent; without --algo and --policy, sac or ppo collects")
    add("--algo", action="append", default=[], metavar="NAME", help="trained to collect, or 'random'; repeatable")
    add("--policy", type=Path, action="append", default=[], metavar="DIR", help="saved policy to collect; repeatable")
    add("--shares", default="", metavar="P,P", help="share of the episodes of each, in that order (default equal)")
    add("--budget", default="quick", metavar="NAME", help="training budget: smoke, quick or standard (default quick)")
    add("--noise", type=float, default=0.0, metavar="STD", help="Gaussian noise on actions, of half their range")
    add("--epsilon", type=float, default=0.0, metavar="P", help="probability of an action drawn at random")
    add("--steps", type=int, default=100_000, metavar="N", help="environment steps of the dataset (default 100000)")
    add("--seed", type=int, default=0, metavar="N", help="of training and collecting (default 0)")
    add("--id", default="", metavar="ID", help="such as robust-gym/Hopper/medium-v0 (default: by task and algorithms)")
    add("--out", type=Path, metavar="DIR", help="folder of all datasets (default $MINARI_DATASETS_PATH, else Minari's)")
    add("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_dataset)


def _dataset(arguments: argparse.Namespace) -> int:
    import json

    from robust_gym import registry
    from robust_gym.baselines.offline.making import Recipe, make_dataset
    from robust_gym.bench.arguments import listed
    from robust_gym.plugins import load_plugins

    load_plugins(arguments.plugin)
    names = listed("--algo", arguments.algo)
    recipe = Recipe(
        algorithms=names or (() if arguments.policy else ("auto",)),
        folders=tuple(arguments.policy),
        shares=_numbers(arguments.shares),
        budget=arguments.budget,
        epsilon=arguments.epsilon,
        noise=arguments.noise,
        steps=arguments.steps,
        seed=arguments.seed,
    )
    made = make_dataset(registry.task(arguments.task), recipe, arguments.id, arguments.out, _tell)
    if arguments.json:
        print(json.dumps(made, indent=2))
    else:
        print(
            f"{made['id']}: {made['episodes']} episodes, {made['steps']} steps, mean return {made['mean_return']:.1f} "
            f"({made['least_return']:.1f} to {made['largest_return']:.1f})\n{made['folder']}"
        )
    return 0


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(",") if number.strip())
    except ValueError:
        raise ValueError(f"--shares takes numbers such as 0.7,0.3, got {text!r}") from None


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
