"""What tasks and algorithms are both checked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from robust_gym import kinds
from robust_gym.disruption import did_you_mean

ACTIONS = ("box", "discrete")
"""What an action may be."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*", re.ASCII)
"""What a task or an algorithm may be called: folders are named after it, and commands give a colon another meaning."""


def unknown_kinds(field: str, names: Iterable[str]) -> Iterator[str]:
    """Find the names that are no kinds of disruption; kinds of one's own are registered before what names them."""
    for one in names:
        channel, _, name = one.partition(":")
        if kinds.find_kind(channel, name) is None:
            known = [kind.full_name for kind in kinds.kinds()]
            namesakes = [other for other in known if other.partition(":")[2] == one]
            hint = f" There are {', '.join(namesakes)}." if namesakes else did_you_mean(one, known)
            yield f"{field} names kinds as 'CHANNEL:KIND', and there is no {one!r}.{hint}"
