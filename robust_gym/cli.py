"""``robust-gym``: reads the command line and hands over to what does the work."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from robust_gym import __version__
from robust_gym.datasets import add_dataset
from robust_gym.running import add_bench, add_eval
from robust_gym.sharing import add_compare, add_plot, add_replay, add_submit, add_verify
from robust_gym.upkeep import add_doctor, add_merge, add_status

USAGE_ERROR = 2
INTERRUPTED = 130
PIPE_CLOSED = 141
"""As of a process that SIGPIPE ends."""

SHOWING = ("ls", "show", "status", "compare", "doctor")
"""Commands that only show things."""

EXAMPLES = """\
examples:
  robust-gym bench --algo robust-vdn
  robust-gym bench --algo ppo,sac --tasks 'Robust-Hopper-v0' --seeds 3
  robust-gym eval results/v1/quick/Robust-Hopper-v0/ppo/seed-0
  robust-gym show Robust-Hopper-v0
"""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with a suggestion where a word was mistyped."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        _complain(message + _suggestion(message))
        raise SystemExit(USAGE_ERROR)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    Args:
        argv: The arguments; those of the process by default.
    """
    parser, commands = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        command = commands[arguments.command]
        known = [option for action in command._actions for option in action.option_strings]
        parser.error(f"{arguments.command} has no argument {unknown[0]!r}.{_near(unknown[0], known)}")
    try:
        return int(arguments.run(arguments))
    except BrokenPipeError:
        # Whoever read the output has had enough, as `head` does. What only shows things has then done its work; what
        # runs or judges something has not come to its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0 if arguments.command in SHOWING or getattr(arguments, "text", False) else PIPE_CLOSED
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except (LookupError, ValueError, ImportError, OSError) as error:
        if getattr(arguments, "debug", False) or not _is_for_users(error):
            raise
        _complain(_one_line(error) + _where(error))
        return USAGE_ERROR


def _is_for_users(error: Exception) -> bool:
    """Tell a message meant for people from a fault in the program."""
    from robust_gym.registry import UnknownNameError
    from robust_gym.task import MissingExtraError

    return isinstance(error, (UnknownNameError, MissingExtraError, ValueError, OSError))


def _where(error: Exception) -> str:
    """Return where a fault lies that is in a file of one's own, such as a policy's, for it is no wrong argument."""
    import traceback

    if isinstance(error, OSError):  # of files and disks, wherever they are asked for
        return ""
    *_, last = traceback.extract_tb(error.__traceback__)
    own = Path(__file__).parent
    others = (own, Path(sys.prefix), Path(sys.base_prefix))
    if last.filename.startswith("<") or any(Path(last.filename).is_relative_to(folder) for folder in others):
        return ""
    return f" (at {last.filename}:{last.lineno}; --debug shows how it came there)"


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename is not None else ""
        return f"{where}{error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _complain(message: str) -> None:
    print(f"robust-gym: {message}", file=sys.stderr)


def _suggestion(message: str) -> str:
    found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
    return _near(found.group(1), re.findall(r"[\w-]+", found.group(2))) if found else ""


def _near(word: str, options: Sequence[str]) -> str:
    from robust_gym.disruption import did_you_mean

    return did_you_mean(word.partition("=")[0], options)


def _parser() -> tuple[Parser, dict[str, Parser]]:
    common = Parser(add_help=False)
    common.add_argument(
        "--debug", action="store_true", default=argparse.SUPPRESS, help="show the traceback of an error"
    )
    extensible = Parser(add_help=False, parents=[common])
    extensible.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="module or .py file that registers tasks, algorithms or disruptions of your own; repeatable",
    )
    parser = Parser(
        prog="robust-gym",
        description="The benchmark suite for robust reinforcement learning.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"robust-gym {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    commands: dict[str, Parser] = {}

    def add(name: str, about: str, parent: Parser) -> Parser:
        commands[name] = subparsers.add_parser(
            name, help=about, description=about[0].upper() + about[1:] + ".", parents=[parent], allow_abbrev=False
        )
        return commands[name]

    _add_ls(add("ls", "list tasks, algos, disruptions, schedules, presets, suites or splits", extensible))
    _add_show(add("show", "show everything about a task, or about a kind of disruption", extensible))
    add_bench(add("bench", "train algorithms, evaluate them, and write the leaderboard", extensible))
    add_eval(add("eval", "evaluate a policy on a task", extensible))
    _add_leaderboard(add("leaderboard", "build the leaderboard page from records", common))
    _add_validate(add("validate", "check a task, or a kind of disruption, of your own", extensible))
    add_dataset(add("dataset", "collect a dataset of a task, in Minari's format, for offline algorithms", extensible))
    add_status(add("status", "show how far the campaigns in a folder of results are", common))
    add_merge(add("merge", "join several folders of results into one", extensible))
    add_doctor(add("doctor", "say what works on this machine, and what is missing", extensible))
    add_compare(add("compare", "compare two algorithms: differences, and the chance that one beats the other", common))
    add_plot(add("plot", "draw results: curves, profiles, scatters and heat maps", common))
    add_replay(add("replay", "make a video of an episode, and check it against its record", extensible))
    add_submit(add("submit", "check results, and pack them into one file for the leaderboard", extensible))
    add_verify(add("verify", "play a submission's policies again, and say whether its records hold", extensible))
    return parser, commands


def _add_ls(parser: Parser) -> None:
    lists = ("tasks", "algos", "disruptions", "schedules", "presets", "suites", "splits")
    parser.add_argument("what", choices=lists, help="what to list")
    parser.add_argument("--family", help="only tasks of this family (tasks, splits)")
    parser.add_argument("--api", choices=("gymnasium", "parallel"), help="only one or many agents (tasks, algos)")
    parser.add_argument("--task", metavar="ID", help="only what suits this task (algos, disruptions, presets, splits)")
    parser.add_argument("--channel", help="only this channel (disruptions)")
    parser.add_argument("--protocol", default="v1", help="version of the protocol (splits; default v1)")
    parser.add_argument("--installed", action="store_true", help="only what is installed (tasks, algos)")
    parser.add_argument("--json", action="store_true", help="print a JSON list of objects")
    parser.set_defaults(run=_ls)


def _ls(arguments: argparse.Namespace) -> int:
    from robust_gym.listing import Filters, list_command

    names = ("family", "api", "task", "channel", "protocol", "installed")
    filters = Filters(**{name: getattr(arguments, name) for name in names})
    return list_command(arguments.what, filters, arguments.plugin, as_json=arguments.json)


def _add_show(parser: Parser) -> None:
    parser.add_argument("task", metavar="TASK", help="id of the task, or channel:kind such as obs:spike")
    parser.add_argument("--protocol", help="version of the protocol, of which a task's part is shown (default v1)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_show)


def _show(arguments: argparse.Namespace) -> int:
    from robust_gym.showing import show_command

    return show_command(arguments.task, arguments.protocol, arguments.plugin, as_json=arguments.json)


def _add_leaderboard(parser: Parser) -> None:
    add = parser.add_argument
    add("records", type=Path, nargs="*", metavar="DIR", help="folders or files with records (default results)")
    add(
        "--out",
        type=Path,
        default=Path("results/leaderboard/index.html"),
        metavar="FILE",
        help="the page to write (default results/leaderboard/index.html)",
    )
    add(
        "--data",
        nargs="+",
        choices=("jsonl", "csv", "parquet"),
        metavar="FORMAT",
        help="raw data beside the page: jsonl, csv, parquet (default jsonl csv)",
    )
    add("--text", action="store_true", help="print the rankings, and write no page")
    parser.set_defaults(run=_leaderboard)


def _leaderboard(arguments: argparse.Namespace) -> int:
    from robust_gym.leaderboard.downloads import USUAL
    from robust_gym.leaderboard.page import build
    from robust_gym.leaderboard.published import records_of

    records = records_of(arguments.records or [Path("results")])
    if arguments.text:
        from robust_gym.leaderboard.printed import print_leaderboard

        print_leaderboard(records)
        return 0
    print(f"{len(records)} records: {build(records, arguments.out, arguments.data or USUAL)}")
    return 0


def _add_validate(parser: Parser) -> None:
    parser.add_argument(
        "task",
        metavar="TASK",
        help="id of a task, module:TASK, a .py file that defines tasks or kinds of disruption, or channel:kind",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON list of objects")
    parser.set_defaults(run=_validate)


def _validate(arguments: argparse.Namespace) -> int:
    from robust_gym.validating import validate_command

    return validate_command(arguments.task, arguments.plugin, as_json=arguments.json)
