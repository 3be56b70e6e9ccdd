"""Every kind of disruption as data: its arguments, units, bounds, severity levels and source.

This is what ``robust-gym ls disruptions`` prints, what the parser in
[robust_gym.disruption][] checks strings against, and where the wrappers find the class that
implements a kind.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from importlib import resources

from robust_gym.grammar import DisruptionError, did_you_mean
from robust_gym.kind import CHANNELS, DEFAULT_KIND, Argument, Kind, Preset
from robust_gym.kind_checks import check_kind
from robust_gym.kind_table import PRESETS, TABLE, WORDS

__all__ = [
    "CHANNELS",
    "DEFAULT_KIND",
    "PRESETS",
    "Argument",
    "Kind",
    "Preset",
    "choices",
    "find_kind",
    "kind_named",
    "kinds",
    "levels",
    "plugin_kinds",
    "register_kind",
    "register_word",
    "set_plugin_loader",
]

_KINDS: dict[tuple[str, str], Kind] = {(kind.channel, kind.name): kind for kind in TABLE}


_load_plugins: Callable[[], None] = lambda: None  # noqa: E731


def set_plugin_loader(loader: Callable[[], None]) -> None:
    """Set the function that imports other packages' kinds, called when the table alone does not suffice."""
    global _load_plugins
    _load_plugins = loader


def kinds(channel: str | None = None) -> list[Kind]:
    """List the kinds of one channel, or of all, in table order."""
    _load_plugins()
    return [kind for kind in _KINDS.values() if channel in (None, kind.channel)]


def find_kind(channel: str, name: str) -> Kind | None:
    """Return the kind ``name`` of ``channel``, or ``None`` where there is no such kind."""
    if (channel, name) not in _KINDS:
        _load_plugins()
    return _KINDS.get((channel, name))


def kind_named(text: str) -> Kind:
    """Return the kind written ``channel:kind``, such as ``obs:spike``.

    Raises:
        DisruptionError: If there is no such channel, or no such kind.
    """
    head, _, name = text.partition(":")
    channel = "observation" if head == "obs" else head
    if channel not in CHANNELS:
        hint = did_you_mean(head, (*CHANNELS, "obs"))
        raise DisruptionError(f"unknown channel {head!r} in {text!r}; channels are {', '.join(CHANNELS)}.{hint}")
    kind = find_kind(channel, name)
    if kind is None:
        names = [other.name for other in kinds(channel)]
        also = ", and the parameters of each task" if channel == "dynamics" else ""
        raise DisruptionError(
            f"unknown {channel} kind {name!r}; kinds are {', '.join(names)}{also}.{did_you_mean(name, names)}"
        )
    return kind


def plugin_kinds() -> list[Kind]:
    """List the kinds that are not built in: those of other packages, and your own."""
    return [kind for kind in kinds() if kind not in TABLE]


def register_kind(kind: Kind) -> None:
    """Add a kind of your own, so that disruption strings may name it.

    The same kind may be registered again, as a notebook does whose cell is run twice.

    Raises:
        ValueError: If a field is not what it may be; if the kind is one of dynamics; if another kind of the name is
            built in, or another class applies it.
    """
    check_kind(kind)
    if kind.channel == "dynamics":
        raise ValueError(
            f"the kind {kind.full_name!r} is refused: the laws by which dynamics are drawn are built in; what can "
            "change in a world of your own are the parameters of its Task"
        )
    known = _KINDS.get((kind.channel, kind.name))
    if known is not None and known.implementation != kind.implementation:
        raise ValueError(f"{kind.full_name} is registered already, applied by {known.implementation}")
    if known in TABLE and known != kind:
        # Protocols write severity levels, whose meaning must not depend on what is imported.
        raise ValueError(f"{kind.full_name} is built in, and what it is cannot be changed; give yours another name")
    _KINDS[kind.channel, kind.name] = kind


Levels = tuple[tuple[float | str, ...], ...]


def levels(kind: Kind, family: str = "") -> Levels:
    """Return the arguments of severity ``@1`` to ``@5``: those measured on a family of tasks, or the kind's own."""
    measured = _measured_levels().get(family, {}).get(kind.full_name)
    return kind.levels if measured is None else tuple(map(tuple, measured))


@functools.cache
def _measured_levels() -> dict[str, dict[str, list[list[float]]]]:
    text = resources.files("robust_gym").joinpath("levels.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, list[list[float]]]] = json.loads(text)["levels"]
    return found


_WORDS: dict[str, dict[str, str]] = {table: dict(words) for table, words in WORDS.items()}


def register_word(table: str, word: str, implementation: str) -> None:
    """Add a word that an argument may be, with the class that it stands for as ``"module:Class"``.

    Raises:
        ValueError: If the table has the word already, for another class.
    """
    words = _WORDS.setdefault(table, {})
    if words.get(word, implementation) != implementation:
        raise ValueError(f"{word!r} is registered in {table} already, as {words[word]}")
    words[word] = implementation


def choices(table: str) -> dict[str, str]:
    """Return the words of a table, and what they stand for."""
    _load_plugins()
    return dict(_WORDS.get(table, {}))
