"""The grammar: what parses, what it means, and that nothing else ever escapes than the one error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robust_gym import Disruption, DisruptionError
from robust_gym.disruption import SCHEDULES, Range
from robust_gym.kinds import CHANNELS, Kind, choices, kinds, register_kind


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("none", "none"),
        ("dynamics:0.2", "dynamics:random:0.2"),
        ("obs:0.1", "observation:gauss:0.1"),
        ("reward:0.1", "reward:gauss:0.1"),
        ("action:0.1", "action:gauss:0.1"),
        ("obs:0.1+dynamics:0.2", "dynamics:random:0.2+observation:gauss:0.1"),
        ("obs:delay:1+obs:bias:2", "observation:delay:1+observation:bias:2"),
        ("action:delay:2", "action:delay:2"),
        ("action:delay:2.0", "action:delay:2"),
        ("obs:freeze:p=0.1", "observation:freeze:0.1,10"),
        ("obs:freeze:steps=3,p=0.1", "observation:freeze:0.1,3"),
        ("obs/agent_0:dropout:0.3", "observation/agent_0:dropout:0.3"),
        ("obs:gauss@3", "observation:gauss@3"),
        ("obs@3", "observation:gauss@3"),
        ("dynamics@2~always", "dynamics:random@2"),
        ("dynamics:gravity:1.3", "dynamics:gravity:1.3"),
        ("dynamics:gravity:0.8..1.3", "dynamics:gravity:0.8..1.3"),
        ("dynamics:city:new_york", "dynamics:city:new_york"),
        ("dynamics:gravity@4", "dynamics:gravity@4"),
        ("dynamics:push:50~every=100", "dynamics:push:50~every=100"),
        ("obs:1e-1", "observation:gauss:0.1"),
        ("reward:scale:1e+1+obs:0.1", "reward:scale:10+observation:gauss:0.1"),
        ("obs:0.1~steps=5", "observation:gauss:0.1~steps=5..5"),
        ("obs:0.1~p=0.3", "observation:gauss:0.1~p=0.3"),
        ("obs:0.1~episode=0.5", "observation:gauss:0.1~episode=0.5"),
        ("obs:0.1~ramp=500", "observation:gauss:0.1~ramp=500"),
        ("obs:0.1~sine=200", "observation:gauss:0.1~sine=200"),
        (" obs:0.1 + action:delay:1 ", "action:delay:1+observation:gauss:0.1"),
    ],
)
def test_canonical_form(text: str, canonical: str) -> None:
    parsed = Disruption.parse(text)
    assert str(parsed) == canonical
    assert Disruption.parse(canonical) == parsed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty term"),
        ("obz:0.1", "unknown channel 'obz'.*Did you mean 'obs'"),
        ("obs:gaus:0.1", "unknown observation kind 'gaus'.*Did you mean 'gauss'"),
        ("obs", "needs a strength"),
        ("obs:gauss", "lacks 'sigma'"),
        ("obs:gauss:0", "must be > 0"),
        ("obs:-0.1", "must be > 0"),
        ("obs:gauss:nan", "not a number"),
        ("obs:gauss:1e999", "too large"),
        ("obs:gauss:١", "not a number"),
        ("obs:gauss:1,2", "has 2 arguments"),
        ("obs:gauss:sgma=1", "unknown argument 'sgma'.*Did you mean 'sigma'"),
        ("obs:freeze:0.1,steps=3", "mixes values"),
        ("obs:freeze:p=0.1,p=0.2", "given twice"),
        ("obs:gauss:0.1:2", "too many ':'"),
        ("obs:0.1+", "empty term"),
        ("obs:0.1+none", "cannot be combined"),
        ("obs:0.1+0.2", "not a number"),
        ("obs:gauss@6", "must be 1, 2, 3, 4 or 5"),
        ("obs:gauss:0.1@3", "both arguments and a level"),
        ("action:delay:1.5", "whole number"),
        ("action:delay:0", ">= 1"),
        ("action:gain:1", "changes nothing"),
        ("reward:scale:1.0", "changes nothing"),
        ("obs:bias:0", "changes nothing"),
        ("reward:flip:1.2", "<= 1"),
        ("obs:0.1~evry=3", "unknown schedule.*Did you mean 'every'"),
        ("obs:0.1~every", "needs a value"),
        ("obs:0.1~every=0", "whole numbers >= 1"),
        ("obs:0.1~p=0", "must be > 0 and <= 1"),
        ("obs:0.1~steps=9..3", "smaller to a larger"),
        ("obs:0.1~sine=1", "at least 2"),
        ("obs:0.1~always=1", "takes no value"),
        ("dynamics:gravity", "needs a value"),
        ("dynamics:gravity:1,2", "takes one value"),
        ("dynamics:gravity:1.3..0.8", "smaller to a larger"),
        ("dynamics/agent_0:gravity:1.3", "belong to the world"),
        ("obs/:0.1", "not an agent's name"),
        ("a" * 3000, "at most 2000"),
    ],
)
def test_errors_say_what_and_where(text: str, words: str) -> None:
    with pytest.raises(DisruptionError, match=words):
        Disruption.parse(text)


@pytest.mark.parametrize("value", [3, 0.1, b"obs:0.1", ["obs:0.1"], {"a": 1}])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(DisruptionError, match="is a string"):
        Disruption.parse(value)  # type: ignore[arg-type]


ALPHABET = st.sampled_from(
    ["obs", "observation", "dynamics", "action", "reward", "gauss", "freeze", "gravity", "none", "always", "every", "p"]
    + list(":+~@/=,. _-eE0123456789٣\n\t\"'\\")
    + ["..", "0.1", "1e400", "nan", "inf", "é"]
)


@given(st.one_of(st.text(max_size=60), st.lists(ALPHABET, max_size=25).map("".join)))
@settings(max_examples=1500, deadline=None)
def test_nothing_but_the_documented_error_escapes(text: str) -> None:
    try:
        parsed = Disruption.parse(text)
    except DisruptionError as error:
        assert "\n" not in str(error).replace(repr(text), "") or "\n" in text
        return
    assert Disruption.parse(str(parsed)) == parsed
    assert str(Disruption.parse(str(parsed))) == str(parsed)


def a_term(kind: Kind) -> st.SearchStrategy[str]:
    """Return a strategy for valid terms of a kind."""

    def value(argument: object) -> st.SearchStrategy[float | str]:
        if argument.words:  # type: ignore[attr-defined]
            return st.sampled_from(sorted(choices(argument.words)))  # type: ignore[attr-defined]
        high = argument.high if argument.high is not None else 1e6  # type: ignore[attr-defined]
        if argument.integer:  # type: ignore[attr-defined]
            return st.integers(int(argument.low), int(high))  # type: ignore[attr-defined]
        numbers = st.floats(argument.low, high, exclude_min=argument.open_low)  # type: ignore[attr-defined]
        return numbers.filter(lambda number: argument.problem(number) is None)  # type: ignore[attr-defined]

    schedules = st.sampled_from(["", *(f"~{one.example}" for one in SCHEDULES.values() if one.name != "always")])
    values = st.tuples(*map(value, kind.arguments)).map(lambda many: ",".join(map(str, many)))
    body = st.one_of(values.map(lambda v: f":{v}"), st.integers(1, 5).map(lambda level: f"@{level}"))
    return st.tuples(body, schedules).map(lambda parts: f"{kind.channel}:{kind.name}{parts[0]}{parts[1]}")


@given(st.lists(st.one_of([a_term(kind) for kind in kinds()]), min_size=1, max_size=6))
@settings(deadline=None)
def test_round_trip_and_order(terms: list[str]) -> None:
    parsed = Disruption.parse("+".join(terms))
    assert Disruption.parse(str(parsed)) == parsed
    order = [CHANNELS.index(term.channel) for term in parsed.terms]
    assert order == sorted(order)
    for channel in CHANNELS:  # within a channel, the order written
        written = [Disruption.parse(term).terms[0] for term in terms]
        assert parsed.of(channel) == tuple(term for term in written if term.channel == channel)
    assert all(term.level is None for term in parsed.resolved().terms)


@given(st.lists(st.one_of([a_term(kind) for kind in kinds()]), min_size=1, max_size=3))
@settings(deadline=None, max_examples=50)
def test_slugs_are_file_names(terms: list[str]) -> None:
    parsed = Disruption.parse("+".join(terms))
    slug = parsed.slug()
    assert len(slug) <= 120
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.=")
    assert slug != Disruption.parse(f"{parsed}+obs:0.123").slug()


def test_values_are_typed() -> None:
    (term,) = Disruption.parse("dynamics:gravity:0.8..1.3").terms
    assert term.args == (Range(0.8, 1.3),)
    (term,) = Disruption.parse("action:delay:2").terms
    assert term.args == (2,)
    assert isinstance(term.args[0], int)


def test_levels_resolve_to_growing_arguments() -> None:
    for kind in kinds():
        assert len(kind.levels) == 5
        assert len(set(kind.levels)) == 5
        for level in range(1, 6):
            (term,) = Disruption.parse(f"{kind.channel}:{kind.name}@{level}").resolved().terms
            assert term.args == kind.levels[level - 1]
            assert Disruption.parse(str(term)).terms == (term,), "a level's arguments must be valid"


def test_kinds_of_your_own(monkeypatch: pytest.MonkeyPatch) -> None:
    import robust_gym.kinds as table

    monkeypatch.setattr(table, "_KINDS", dict(table._KINDS))
    mine = Kind("reward", "mine", "", (), "tests:Mine", ((),) * 5)
    register_kind(mine)
    assert str(Disruption.parse("reward:mine@1")) == "reward:mine@1"
    register_kind(mine)
    with pytest.raises(ValueError, match="registered already, applied by tests:Mine"):
        register_kind(Kind("reward", "mine", "", (), "tests:Other", ((),) * 5))
    with pytest.raises(ValueError, match="five severity levels"):
        register_kind(Kind("reward", "other", "", (), "x:y", ()))
    with pytest.raises(ValueError, match="unknown channel"):
        register_kind(Kind("sound", "other", "", (), "x:y", ((),) * 5))
