"""A kind that is malformed is refused when it is registered, in one sentence that says what it may be."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from robust_gym import kinds
from robust_gym.disruption import Disruption
from robust_gym.kind_checks import check_kind
from robust_gym.kind_table import TABLE
from robust_gym.kinds import Argument, Kind, register_kind
from robust_gym.wrappers.noise import Gauss

P = Argument("p", "chance", "probability", low=0, high=1, open_low=True)
STEPS = Argument("steps", "how many", "steps", low=1, integer=True, default=3)
WHO = Argument("who", "who it is", "word", low=0, words="people")
LEVELS = ((0.1,), (0.2,), (0.3,), (0.4,), (0.5,))
MINE = Kind("action", "mine", "", (P,), "my_package.kinds:Mine", LEVELS)


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds.kinds()
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))


@pytest.mark.parametrize("kind", TABLE, ids=lambda kind: kind.full_name)
def test_the_table_passes(kind: Kind) -> None:
    check_kind(kind)


def levels(*last: Any) -> tuple[Any, ...]:
    return (*LEVELS[:4], *last)


def argument(**fields: Any) -> dict[str, Any]:
    return {"arguments": (dataclasses.replace(P, **fields),)}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channel": "sound"}, "unknown channel 'sound'; channels are dynamics, action,"),
        ({"channel": "actions"}, "Did you mean 'action'?"),
        ({"channel": None}, "unknown channel None"),
        ({"channel": "dynamics"}, "'dynamics:mine' is refused: the laws by which dynamics are drawn are built in"),
        ({"name": "a b"}, "the kind 'action:a b' is refused: name must be lower-case letters"),
        ({"name": "Bad"}, "got 'Bad'"),
        ({"name": None}, "name must be"),
        ({"about": None}, "about must be a string, got None"),
        ({"source": 3}, "source must be a string, got 3"),
        ({"team": "yes"}, "team must be True or False, got 'yes'"),
        ({"least": 0}, "least must be a whole number, at least 1, got 0"),
        ({"messages": True}, "messages=True is for kinds of observation, and this is one of action"),
        ({"channel": "reward", "policy": True}, "policy=True is for kinds of action and observation"),
        # arguments
        ({"arguments": P}, "arguments must be a tuple of Arguments, such as (Argument(…),) with its comma, got Arg"),
        ({"arguments": [P]}, "arguments must be a tuple of Arguments"),
        ({"arguments": ("p",)}, "arguments must be a tuple of Arguments"),
        ({"arguments": (P, P), "levels": ((1, 1),) * 5}, "got 'p' twice"),
        (argument(name="P"), "of the argument 'P', name must be lower-case"),
        (argument(low="0"), "of the argument 'p', low must be a finite number"),
        (argument(low=float("nan")), "low must be a finite number"),
        (argument(high="1"), "high must be a finite number, an int or a float of Python's own, or None, got '1'"),
        (argument(high=-1), "high must be above low, which is 0, got -1"),
        (argument(high=0), "high must be above low"),
        (argument(integer=1), "integer must be True or False"),
        (argument(unit=None), "unit must be a string"),
        (argument(default=2), "default must be <= 1, got 2"),
        (argument(default=0), "default must be > 0, got 0"),
        ({"arguments": (dataclasses.replace(STEPS, default=2.5),)}, "default must be a whole number, got 2.5"),
        ({"arguments": (dataclasses.replace(WHO, default=1),)}, "default must be None, for the argument is a word"),
        # levels
        ({"levels": None}, "levels must be five severity levels, a tuple of five tuples of arguments, got None"),
        ({"levels": LEVELS[:4]}, "levels must be five severity levels"),
        ({"levels": list(LEVELS)}, "levels must be five severity levels"),
        (
            {"levels": (0.1, 0.2, 0.3, 0.4, 0.5)},
            "levels[0], which is @1, must be a tuple with a value for each of 'p', got 0.1",
        ),
        (
            {"levels": levels((0.5, 1))},
            "levels[4], which is @5, must be a tuple with a value for each of 'p', got (0.5, 1)",
        ),
        ({"levels": levels(())}, "levels[4], which is @5, must be a tuple"),
        ({"levels": levels((1.5,))}, "levels[4], which is @5, gives 'p', which must be <= 1, got 1.5"),
        ({"levels": ((0,), *LEVELS[1:])}, "levels[0], which is @1, gives 'p', which must be > 0, got 0"),
        (
            {"levels": levels(("much",))},
            "gives 'p', which must be a finite number, an int or a float of Python's own, got 'much'",
        ),
        ({"levels": levels((np.float64(0.5),))}, "of Python's own, got"),
        ({"levels": levels((float("inf"),))}, "must be a finite number"),
        ({"levels": levels((True,))}, "must be a finite number"),
        ({"arguments": (WHO,)}, "gives 'who', which must be a word of 'people', got 0.1"),
        ({"arguments": ()}, "must be (), for there are no arguments, got (0.1,)"),
        # implementation
        ({"implementation": Gauss}, "'module:Class', got <class 'robust_gym.wrappers.noise.Gauss'>"),
        ({"implementation": Gauss}, "Did you mean 'robust_gym.wrappers.noise:Gauss'?"),
        ({"implementation": "my_package.kinds"}, "implementation must be 'module:Class', got 'my_package.kinds'"),
        ({"implementation": "my_package/kinds.py:Mine"}, "implementation must be 'module:Class'"),
        ({"implementation": ""}, "implementation must be 'module:Class'"),
        # spaces
        ({"spaces": ("box")}, "spaces must be a tuple of some of 'box', 'discrete', 'image', 'vector', such as"),
        ({"spaces": ()}, "spaces must be a tuple of some of"),
        ({"spaces": ("vectors",)}, "got 'vectors' among them. Did you mean 'vector'?"),
        ({"spaces": ("image",)}, "spaces of a kind of action must be 'box' or 'discrete', got ('image',)"),
        ({"channel": "cost", "spaces": ("discrete",)}, "spaces of a kind of cost must be 'box'"),
        ({"channel": "observation", "spaces": ("box", "image")}, "spaces must have 'image' or 'vector' alone"),
    ],
)
def test_malformed_kinds_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="is refused: ") as error:
        register_kind(dataclasses.replace(MINE, **fields))
    assert message in str(error.value)
    assert "mine" not in [kind.name for kind in kinds.kinds()]


def test_what_is_no_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="a Kind is registered, got 'x'"):
        register_kind("x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"spaces": ("box", "discrete"), "team": True, "least": 2},
        {"channel": "observation", "spaces": ("vector",), "messages": True},
        {"channel": "observation", "spaces": ("image",)},
        {"channel": "reward"},
        {"arguments": (WHO, STEPS), "levels": (("me", 1), ("you", 2), ("me", 3), ("you", 4), ("me", 5))},
        {"arguments": (), "levels": ((),) * 5},
    ],
)
def test_other_kinds_are_not(fields: dict[str, Any]) -> None:
    mine = dataclasses.replace(MINE, **fields)
    register_kind(mine)
    register_kind(mine)
    assert kinds.plugin_kinds()[-1] == mine
    assert kinds.kind_named(mine.full_name) is mine
    if not any(one.words for one in mine.arguments):
        (term,) = Disruption.parse(f"{mine.full_name}@5").resolved().terms
        assert Disruption.parse(str(term)).terms == (term,)


def test_what_is_built_in_stays_as_it_is() -> None:
    gauss = kinds.kind_named("obs:gauss")
    register_kind(gauss)
    with pytest.raises(ValueError, match="observation:gauss is built in"):
        register_kind(dataclasses.replace(gauss, levels=LEVELS))
    with pytest.raises(ValueError, match="observation:gauss is registered already, applied by robust_gym"):
        register_kind(dataclasses.replace(gauss, implementation="my_package:Gauss"))
    assert gauss in kinds.kinds()
    assert gauss not in kinds.plugin_kinds()
