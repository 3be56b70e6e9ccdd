"""The disruption grammar: one string that says how the world differs from training.

```
disruption := "none" | term ("+" term)*
term       := preset | channel ["/" agents] [":" kind] (":" args | "@" level) ["~" schedule]
agents     := agent ("," agent)*
channel    := "dynamics" | "action" | "reward" | "cost" | "observation"      (alias "obs")
args       := value ("," value)* | key "=" value ("," key "=" value)*
level      := 1..5
schedule   := "always" | "p=0.3" | "every=20" | "steps=100..200" | "fault=200" | "ramp=500" | "sine=200"
            | "episode=0.5" | "walk=0.1" | "trend=100" | "cyclic=20" | "saw=20" | "wave=20"
```

On the dynamics channel the kind may also be the name of one of the task's parameters, with a
number, a range drawn at each reset (``0.8..1.3``) or a word (``dynamics:city:tampa``). Which
parameters a task has is checked when the environment is made; everything else is checked here.
A preset is the name of a disruption of the literature, such as ``realworldrl-easy``, and stands for its terms.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from robust_gym.grammar import DisruptionError, Range, Value, did_you_mean, number, read_range, show
from robust_gym.kind import NAME, WORD
from robust_gym.kinds import CHANNELS, DEFAULT_KIND, PRESETS, Kind, choices, find_kind, kinds, levels
from robust_gym.schedule import ALWAYS, OVER_EPISODES, SCHEDULES, Schedule, parse_schedule

__all__ = [
    "OVER_EPISODES",
    "SCHEDULES",
    "Disruption",
    "DisruptionError",
    "Range",
    "Schedule",
    "Term",
    "did_you_mean",
]

MAX_LENGTH = 2000
"""Longest disruption string that is read, in characters."""

_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*", re.ASCII)
# A plus sign followed by a digit belongs to an exponent (1e+3) or a sign, so only one before a letter splits.
_TERM_SPLIT = re.compile(r"\+(?=\s*[A-Za-z]|\s*$)")


@dataclass(frozen=True)
class Term:
    """One term of a disruption; see the module's grammar.

    Attributes:
        channel: ``dynamics``, ``action``, ``reward``, ``cost`` or ``observation``.
        kind: A kind of [robust_gym.kinds][], or the name of a dynamics parameter.
        args: The values, all of them, defaults filled in; empty when ``level`` is given.
        level: Severity 1 to 5, or ``None``.
        agent: The agent meant, or several with commas between them, or ``None`` for all.
        schedule: When it acts.
    """

    channel: str
    kind: str
    args: tuple[Value, ...] = ()
    level: int | None = None
    agent: str | None = None
    schedule: Schedule = ALWAYS

    @property
    def spec(self) -> Kind | None:
        """The kind's entry in the table, or ``None`` for a dynamics parameter."""
        return find_kind(self.channel, self.kind)

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents meant; empty for all."""
        return tuple(self.agent.split(",")) if self.agent else ()

    def concerns(self, agent: str) -> bool:
        """Return whether the term disturbs an agent."""
        return self.agent is None or agent in self.agents

    def resolved(self, family: str = "") -> Term:
        """Replace a severity level by the arguments it stands for.

        A level on a single dynamics parameter stays, since its meaning depends on the task.

        Args:
            family: The family of tasks whose measured levels apply; by default those of the kind itself.
        """
        if self.level is None or self.spec is None:
            return self
        return replace(self, level=None, args=levels(self.spec, family)[self.level - 1])

    def __str__(self) -> str:
        agent = f"/{self.agent}" if self.agent else ""
        tail = f"@{self.level}" if self.level is not None else ":" + ",".join(show(a) for a in self.args)
        schedule = "" if self.schedule.name == "always" else f"~{self.schedule}"
        return f"{self.channel}{agent}:{self.kind}{tail}{schedule}"


@dataclass(frozen=True)
class Disruption:
    """A parsed disruption: terms in canonical order (dynamics, action, reward, cost, observation).

    Examples:
        >>> d = Disruption.parse("obs:0.1+dynamics:gravity:0.8..1.3~steps=0..99")
        >>> str(d)
        'dynamics:gravity:0.8..1.3~steps=0..99+observation:gauss:0.1'
        >>> Disruption.parse(str(d)) == d
        True
    """

    terms: tuple[Term, ...] = ()

    def __post_init__(self) -> None:
        """Put the terms in canonical order."""
        ordered = sorted(self.terms, key=lambda term: CHANNELS.index(term.channel))
        object.__setattr__(self, "terms", tuple(ordered))

    @classmethod
    def parse(cls, text: str | Disruption | None) -> Disruption:
        """Read a disruption string; ``None`` and ``"none"`` are the undisturbed world.

        Raises:
            DisruptionError: If the string is malformed, names an unknown channel, kind, argument or
                schedule, or gives a value out of bounds or without effect.
        """
        if text is None:
            return cls()
        if isinstance(text, Disruption):
            return text
        if not isinstance(text, str):
            raise DisruptionError(f"a disruption is a string such as 'obs:0.1', got {type(text).__name__}")
        if len(text) > MAX_LENGTH:
            raise DisruptionError(f"a disruption has at most {MAX_LENGTH} characters, got {len(text)}")
        if text.strip() == "none":
            return cls()
        parts = _TERM_SPLIT.split(text)
        terms = []
        for place, part in enumerate(parts, start=1):
            where = repr(part.strip()) if len(parts) == 1 else f"{part.strip()!r} (term {place} of {text!r})"
            terms += _parse_part(part.strip(), where)
        return cls(tuple(terms))

    def of(self, channel: str) -> tuple[Term, ...]:
        """Return the terms of one channel, in the order in which they apply."""
        return tuple(term for term in self.terms if term.channel == channel)

    def resolved(self, family: str = "") -> Disruption:
        """Return the same disruption with severity levels replaced by their arguments; see `Term.resolved`."""
        return Disruption(tuple(term.resolved(family) for term in self.terms))

    def slug(self) -> str:
        """Return a name for files and folders, unique to the canonical form."""
        text = str(self)
        if text == "none":
            return text
        readable = re.sub(r"[^A-Za-z0-9.=-]+", "_", text)[:80].strip("_")
        return f"{readable}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def __str__(self) -> str:
        return "+".join(map(str, self.terms)) or "none"

    def __bool__(self) -> bool:
        return bool(self.terms)


def alternatives(text: str) -> list[str]:
    """Return the disruptions of a training distribution, which are written with ``|`` between them."""
    return [one.strip() for one in text.split("|")]


def _parse_part(text: str, where: str) -> list[Term]:
    """Read a term, or a preset, which stands for several."""
    if text not in PRESETS:
        name = re.split("[~@:]", text, maxsplit=1)[0].strip()
        if name in PRESETS:
            raise DisruptionError(f"the preset {name!r} in {where} takes no arguments, level or schedule")
        return [_parse_term(text, where)]
    return [_parse_term(part, f"the preset {text!r}") for part in _TERM_SPLIT.split(PRESETS[text].disruption)]


def _parse_term(text: str, where: str) -> Term:
    if not text:
        raise DisruptionError(f"an empty term: {where}; write 'none', or a term such as 'obs:0.1'")
    if text == "none":
        raise DisruptionError(f"'none' cannot be combined with other terms: {where}")
    body, tilde, schedule_text = text.partition("~")
    schedule = parse_schedule(schedule_text.strip(), where) if tilde else ALWAYS
    body, at, level_text = body.partition("@")
    head, *rest = (piece.strip() for piece in body.split(":"))
    channel, agent = _parse_channel(head, where)
    if at:
        level = _parse_level(level_text.strip(), where)
        if len(rest) > 1:
            raise DisruptionError(f"{where} gives both arguments and a level; give one of them")
        kind = rest[0] if rest else DEFAULT_KIND[channel]
        _check_kind(channel, kind, where)
        return Term(channel, kind, (), level, agent, schedule)
    if not rest:
        raise DisruptionError(f"{where} needs a strength: '{head}:0.1', '{head}@3' or '{head}:KIND:ARGUMENTS'")
    if len(rest) == 1:
        if NAME.fullmatch(rest[0]) and "=" not in rest[0]:
            _check_kind(channel, rest[0], where)
            rest.append("")
        else:
            rest.insert(0, DEFAULT_KIND[channel])
    if len(rest) > 2:
        raise DisruptionError(f"{where} has too many ':'; a term is channel:kind:arguments")
    kind, arguments = rest
    spec = _check_kind(channel, kind, where)
    if spec is None:
        return Term(channel, kind, (_parameter_value(arguments, kind, where),), None, agent, schedule)
    return Term(channel, kind, _parse_arguments(spec, arguments, where), None, agent, schedule)


def _parse_channel(head: str, where: str) -> tuple[str, str | None]:
    name, slash, agent = head.partition("/")
    channel = "observation" if name == "obs" else name
    if channel not in CHANNELS:
        hint = did_you_mean(name, (*CHANNELS, "obs", *PRESETS))
        raise DisruptionError(f"unknown channel {name!r} in {where}; channels are {', '.join(CHANNELS)}.{hint}")
    names = [one.strip() for one in agent.split(",")]
    if slash and not all(map(_AGENT.fullmatch, names)):
        raise DisruptionError(f"{agent!r} in {where} is not an agent's name; write for example 'obs/agent_0:0.1'")
    if len(set(names)) < len(names):
        raise DisruptionError(f"{where} names an agent twice")
    if slash and channel == "dynamics":
        raise DisruptionError(f"{where}: dynamics belong to the world, not to one agent; leave out '/{agent}'")
    return channel, ",".join(sorted(names)) or None  # in one order, so that one disruption has one name


def _check_kind(channel: str, kind: str, where: str) -> Kind | None:
    """Return the kind's entry; ``None`` means that it can only be a parameter of the task."""
    spec = find_kind(channel, kind)
    if spec is not None:
        return spec
    if channel == "dynamics" and NAME.fullmatch(kind):
        return None
    names = [other.name for other in kinds(channel)]
    if channel == "dynamics":
        hint = f" Did you mean {kind.lower()!r}?" if NAME.fullmatch(kind.lower()) else ""
        raise DisruptionError(
            f"{kind!r} in {where} is no name of a kind or parameter: those are lower-case words, as in "
            f"'dynamics:gravity:1.3'.{hint}"
        )
    raise DisruptionError(
        f"unknown {channel} kind {kind!r} in {where}; kinds are {', '.join(names)}.{did_you_mean(kind, names)}"
    )


def _parse_level(text: str, where: str) -> int:
    if text not in {"1", "2", "3", "4", "5"}:
        raise DisruptionError(f"the level {text!r} in {where} must be 1, 2, 3, 4 or 5")
    return int(text)


def _parameter_value(text: str, kind: str, where: str) -> Value:
    if not text:
        raise DisruptionError(
            f"{where} needs a value: 'dynamics:{kind}:1.3', 'dynamics:{kind}:0.8..1.3' or 'dynamics:{kind}@3'"
        )
    if WORD.fullmatch(text):
        return text
    if "," in text or "=" in text:
        raise DisruptionError(f"the dynamics parameter {kind!r} takes one value, got {text!r} in {where}")
    return read_range(text, where) if ".." in text else number(text, where)


def _parse_arguments(spec: Kind, text: str, where: str) -> tuple[Value, ...]:
    names = [argument.name for argument in spec.arguments]
    pieces = [piece.strip() for piece in text.split(",")] if text else []
    keyed = [("=" in piece) for piece in pieces]
    if any(keyed) and not all(keyed):
        raise DisruptionError(f"{where} mixes values with and without names; write {spec.usage!r}")
    if len(pieces) > len(names):
        raise DisruptionError(f"{where} has {len(pieces)} arguments, {spec.usage!r} takes {len(names)}")
    given: dict[str, str] = {}
    for position, piece in enumerate(pieces):
        name, value = piece.split("=", 1) if keyed[position] else (names[position], piece)
        name = name.strip()
        if name not in names:
            raise DisruptionError(
                f"unknown argument {name!r} in {where}; {spec.channel}:{spec.name} takes "
                f"{', '.join(names)}.{did_you_mean(name, names)}"
            )
        if name in given:
            raise DisruptionError(f"argument {name!r} is given twice in {where}")
        given[name] = value.strip()
    return tuple(_checked(spec, argument.name, given, where) for argument in spec.arguments)


def _checked(spec: Kind, name: str, given: dict[str, str], where: str) -> int | float | str:
    argument = next(a for a in spec.arguments if a.name == name)
    if name not in given and argument.default is None:
        raise DisruptionError(f"{where} lacks {name!r} ({argument.about}, {argument.unit}); write {spec.usage!r}")
    if argument.words:
        word, known = given.get(name, ""), choices(argument.words)
        if word not in known:
            hint = did_you_mean(word, known)
            raise DisruptionError(f"unknown {name} {word!r} in {where}; there are {', '.join(known)}.{hint}")
        return word
    value = argument.default if name not in given else number(given[name], where)
    assert value is not None
    problem = argument.problem(value)
    if problem:
        raise DisruptionError(f"{name!r} in {where} {problem} ({argument.about}, {argument.unit})")
    return value
