"""The pages about disruptions: an overview with the schedules, and one page for each channel."""

from __future__ import annotations

from generate import pictures
from generate.markdown import code, codes, fenced, joined, number, table, text
from robust_gym import kinds, registry
from robust_gym.describing import accepted, acts_on, level_words
from robust_gym.kinds import CHANNELS, PRESETS, Argument, Kind
from robust_gym.schedule import SCHEDULES, ScheduleKind

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

PICTURED = {
    "always": "always",
    "p": "p=0.3",
    "every": "every=12",
    "steps": "steps=20..45",
    "fault": "fault=60",
    "ramp": "ramp=50",
    "sine": "sine=72",
    "episode": "episode=0.5",
    "walk": "walk=0.2",
    "trend": "trend=60",
    "cyclic": "cyclic=20",
    "saw": "saw=20",
    "wave": "wave=20",
}
"""What the picture of each schedule shows, in 72 steps or episodes."""

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
    steps, episodes = ([one for one in SCHEDULES.values() if one.over_episodes == over] for over in (False, True))
    presets = [
        (code(one.name), text(one.about), codes(_terms(one.disruption)), text(one.source)) for one in PRESETS.values()
    ]
    return joined(
        "# Disruptions",
        "A disruption is one string that says how the world differs: terms joined by `+`, each of them",
        fenced("channel[/agent,agent…][:kind](:arguments | @level)[~schedule]", "text"),
        _EXAMPLES,
        "The [grammar](../reference/disruption.md) is exact about every detail; a string that it refuses raises "
        "`DisruptionError` with one line that says what would be accepted. On the command line: "
        "`robust-gym ls disruptions` (with `--task ID` those that a task can honour), `robust-gym show obs:spike`, "
        "`robust-gym ls schedules` and `robust-gym ls presets`.",
        "Channels act in the order dynamics, action, reward, cost, observation, and the terms of one channel in the "
        "order in which they are written: of `action:gain:2+action:bias:0.1` the gain comes first, nearest the agent.",
        "## Kinds",
        f"There are {len(kinds.kinds())}. Each picture is drawn by the real wrapper at severity 3: dotted the signal "
        "as it is, solid what becomes of it; of an image the left half before, the right half after. Missing here? "
        "[Add it](../tutorials/add-a-disruption-kind.md).",
        table(("Channel", "Kind", "What happens", ""), rows),
        "What the severity levels `@1` to `@5` stand for is [measured for each family](severity.md).",
        "## Schedules { #schedules }",
        "A schedule stands behind any term, and says when, and how strongly, it acts: between nothing (0) and what is "
        "written (1). It is the same for all agents and all parts of an observation that the term disturbs.",
        "### Within an episode",
        "The pictures show `bias` on a sine.",
        table(("Schedule", "Acts", "Source", ""), map(_schedule, steps)),
        "### Over episodes",
        "The strength is the same throughout an episode. The pictures show it in one episode after another.",
        table(("Schedule", "Acts", "Source", ""), map(_schedule, episodes)),
        "## Presets { #presets }",
        "A preset is the name of a disruption of the literature, and may stand for a term; it takes no schedule.",
        table(("Preset", "What it is", "Its terms", "Source"), presets),
        "## The privileged view { #context }",
        _CONTEXT,
    )


def _terms(disruption: str) -> list[str]:
    return disruption.split("+")


def _schedule(schedule: ScheduleKind) -> tuple[str, ...]:
    picture = pictures.of_schedule(PICTURED[schedule.name])
    return code(schedule.example), text(schedule.about), text(schedule.source), picture


_CONTEXT = (
    'With `robust_gym.make(id, disruption=..., context="visible")` the true dynamics of the present world join the '
    "observation, as in CARL (Benjamins et al., TMLR 2023): each parameter in the task's order, 0 where it is nominal "
    "and -1 or 1 at its bounds, then each semantic shift, one-hot. They stand behind a vector, in the part `context` "
    "of a dict, and beside anything else in a dict of `observation` and `context`; they are never disturbed, and "
    "follow what changes within an episode. Every agent of a team sees them. "
    "[All of it][robust_gym.wrappers.context.VisibleContext]."
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
        ("`obs/agent_0,agent_2:dropout:0.3`", "some agents of a team, each with noise of its own"),
        ("`action:traitor:1`", "an agent that is drawn anew at each reset"),
        ("`dynamics:gravity:1.5~wave=20`", "a world that changes from one episode to the next"),
        ("`realworldrl-easy`", "a [preset](#presets): the name of a disruption of the literature"),
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
        (code(one.name), text(one.about), text(one.unit), text(accepted(one)), _default(one)) for one in kind.arguments
    ]
    levels = [("all", *(code(level_words(level)) for level in kind.levels))]
    families = sorted({registry.task(id).family for id in registry.list_tasks()})
    measured = {family: many for family in families if (many := kinds.levels(kind, family)) != kind.levels}
    levels += [(text(family), *(code(level_words(level)) for level in many)) for family, many in measured.items()]
    picture = pictures.of_kind(kind)
    return joined(
        f"## {kind.name}",
        text(kind.about),
        fenced(kind.usage, "text"),
        f"<figure>{picture}</figure>" if picture else "",
        table(columns, arguments),
        table(("Family", *LEVELS), levels),
        f"Acts on: {acts_on(kind)}.",
        f"Source: {text(kind.source)}." if kind.source else "",
    )


def _default(argument: Argument) -> str:
    return "required" if argument.default is None else number(argument.default)
