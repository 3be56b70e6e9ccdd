"""The pages about disruptions: an overview with the schedules, and one page for each channel."""

from __future__ import annotations

from generate import pictures
from generate.markdown import code, codes, fenced, joined, number, table, text
from robust_gym import kinds, registry
from robust_gym.kinds import CHANNELS, Argument, Kind

CHANNEL_ABOUT = {
    "dynamics": "The world itself: gravity, masses, friction, weather. Values are drawn before each reset and reported "
    'in `info["dynamics"]`.',
    "action": "What the actuators do with the agent's command. The applied action stays inside the action space.",
    "reward": "What the agent is told it has earned. Evaluation always scores the true reward, which stays in "
    '`info["nominal_reward"]`.',
    "cost": "What the agent is told a step has cost, in a safe task. It stays at least zero. Evaluation always scores "
    'the true cost, which stays in `info["nominal_cost"]`.',
    "observation": "What the agent sees, from the reset observation on. It stays inside the observation space. Of a "
    "goal environment each part has noise of its own, and the goal stays true.",
}

SCHEDULES = {
    "always": ("always", "at every step; the default"),
    "p=P": ("p=0.3", "at each step on its own with probability P"),
    "every=K": ("every=12", "at steps 0, K, 2K, …"),
    "steps=A..B": ("steps=20..45", "from step A to step B, both included"),
    "episode=P": ("episode=0.5", "in the whole of an episode, with probability P"),
    "ramp=N": ("ramp=50", "ever more strongly, from 0 at the first step to full strength at step N"),
    "sine=N": ("sine=72", "in waves of N steps: strength (1 - cos(2πt/N)) / 2"),
}
"""For each form of a schedule an example for its picture, and when it acts."""

LEVELS = tuple(f"@{level}" for level in range(1, 6))


def by_channel() -> dict[str, list[Kind]]:
    """Return every registered kind, by channel."""
    return {channel: kinds.kinds(channel) for channel in CHANNELS}


def pages() -> dict[str, str]:
    """Return the overview and a page for each channel."""
    registry.list_tasks()  # plug-ins may bring kinds with them
    found = {"disruptions/index.md": _overview()}
    for channel, many in by_channel().items():
        head = (f"# {channel.capitalize()}", CHANNEL_ABOUT[channel], _parameters() if channel == "dynamics" else "")
        found[f"disruptions/{channel}.md"] = joined(*head, *map(_section, many))
    return found


def _overview() -> str:
    rows = [
        (
            channel if place == 0 else "",
            f"[{code(kind.name)}]({channel}.md#{kind.name})",
            text(kind.about),
            pictures.of_kind(kind),
        )
        for channel, many in by_channel().items()
        for place, kind in enumerate(many)
    ]
    schedules = [(code(form), about, pictures.of_schedule(example)) for form, (example, about) in SCHEDULES.items()]
    return joined(
        "# Disruptions",
        "A disruption is one string that says how the world differs: terms joined by `+`, each of them",
        fenced("channel[/agent][:kind](:arguments | @level)[~schedule]", "text"),
        _EXAMPLES,
        "The [grammar](../reference/disruption.md) is exact about every detail; a string that it refuses raises "
        "`DisruptionError` with one line that says what would be accepted. On the command line: "
        "`robust-gym ls disruptions`.",
        "## Kinds",
        "Each picture is drawn by the real wrapper at severity 3: dotted the signal as it is, solid what becomes of "
        "it. Missing here? [Add it](../tutorials/add-a-disruption-kind.md).",
        table(("Channel", "Kind", "What happens", ""), rows),
        "## Schedules { #schedules }",
        "A schedule says when, and how strongly, a term acts within an episode. The pictures show `bias` on a sine.",
        table(("Schedule", "Acts", ""), schedules),
    )


_EXAMPLES = table(
    ("String", "Meaning"),
    [
        ("`none`", "the undisturbed world"),
        ("`obs:0.1`", "Gaussian noise on observations (the default kind), 0.1 of each dimension's own scale"),
        ("`dynamics:0.2`", "every parameter of the task scaled by its own draw from 0.8 to 1.2, at each reset"),
        ("`dynamics:gravity:1.3`", "one parameter scaled by 1.3"),
        ("`dynamics:gravity:0.8..1.3`", "one parameter scaled by a draw between 0.8 and 1.3, at each reset"),
        ("`obs:gauss@3`", "Gaussian noise at severity 3 of 5"),
        ("`obs:freeze:p=0.05,steps=10`", "arguments by name"),
        ("`action:delay:2+obs:0.1~p=0.3`", "late actions, and noise in three steps out of ten"),
        ("`obs/agent_0:dropout:0.3`", "one agent of a team"),
    ],
)


def _parameters() -> str:
    return (
        "Besides the kinds below, the word after `dynamics:` may be any parameter or semantic shift of the task; "
        "[its page](../tasks/index.md) lists them with their bounds. A factor (`dynamics:gravity:1.3`), a range drawn "
        "at each reset (`dynamics:gravity:0.8..1.3`), a level (`dynamics:gravity@3`, drawn as by `random@3`) or, for a "
        "semantic shift, a word (`dynamics:city:tampa`). A parameter that is zero in the nominal world (wind, for "
        "example) takes the value itself instead of a factor."
    )


def _section(kind: Kind) -> str:
    columns = ("Argument", "Meaning", "Unit", "Accepted", "Default")
    arguments = [
        (code(one.name), text(one.about), text(one.unit), _accepted(one), _default(one)) for one in kind.arguments
    ]
    levels = [codes([",".join(map(number, level))]) for level in kind.levels]
    picture = pictures.of_kind(kind)
    return joined(
        f"## {kind.name}",
        text(kind.about),
        fenced(kind.usage, "text"),
        f"<figure>{picture}</figure>" if picture else "",
        table(columns, arguments),
        table(("Level", *LEVELS), [("Arguments", *levels)]),
        f"Acts on: {' and '.join(kind.spaces)} actions." if kind.channel == "action" else "",
        f"Source: {text(kind.source)}." if kind.source else "",
    )


def _accepted(argument: Argument) -> str:
    low = f"{'>' if argument.open_low else '≥'} {number(argument.low)}"
    high = "" if argument.high is None else f", ≤ {number(argument.high)}"
    identity = "" if argument.identity is None else f", not {number(argument.identity)}"
    whole = "whole, " if argument.integer else ""
    return f"{whole}{low}{high}{identity}"


def _default(argument: Argument) -> str:
    return "required" if argument.default is None else number(argument.default)
