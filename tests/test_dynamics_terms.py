"""Terms of the dynamics channel that would change nothing are refused when an environment is made."""

from __future__ import annotations

import dataclasses

import pytest

import robust_gym
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.task import DynamicsParameter, Task
from robust_gym.wrappers.dynamics_terms import check_term, check_together

SEATS = DynamicsParameter("seats", "seats", "seats", 4.0, low=0.25, high=3.0, whole=True)
RAIN = DynamicsParameter("rain", "rain", "mm", 0.0, low=-1.0, high=1.0, mode="set")
COUNT = DynamicsParameter("count", "count", "1", 0.0, low=0.0, high=3.0, mode="set", whole=True)
TASK = Task(
    "Own-Terms-v0", "own", "Own.", "x:y", "x:Y", 10, dynamics={one.name: one for one in (SEATS, RAIN, COUNT)}
)  # fmt: skip


def check(text: str, task: Task = TASK) -> None:
    terms = Disruption.parse(text).terms
    for term in terms:
        check_term(term, task)
    check_together(terms, task)


@pytest.mark.parametrize(
    "text",
    [
        "dynamics:gravity:2+dynamics:gravity:0.5",
        "dynamics:gravity:2~every=3+obs:0.1+dynamics:gravity:0.5~every=3",
        "dynamics:gravity:4+dynamics:gravity:0.5+dynamics:gravity:0.5",
    ],
)
def test_factors_that_cancel_out_are_refused(text: str) -> None:
    with pytest.raises(DisruptionError, match="is the nominal gravity of Robust-CartPole-v0 in the end, which changes"):
        robust_gym.make("Robust-CartPole-v0", text)


@pytest.mark.parametrize(
    "text",
    ["dynamics:rain:0.5+dynamics:rain:-0.5", "dynamics:rain:0.1+dynamics:rain:0.2+dynamics:rain:-0.3",
     "dynamics:seats:1.25+dynamics:seats:0.75", "dynamics:rain:0.5~ramp=5+dynamics:rain:-0.5~ramp=5"],
)  # fmt: skip
def test_shifts_and_rounded_values_that_cancel_out_are_refused(text: str) -> None:
    with pytest.raises(DisruptionError, match="in the end, which changes nothing"):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "dynamics:seats:2+dynamics:seats:0.25",
        "dynamics:rain:0.5~every=2+dynamics:rain:-0.5",
        "dynamics:rain:0.5~p=0.5+dynamics:rain:-0.5~p=0.5",
        "dynamics:seats:2~ramp=5+dynamics:seats:0.5~ramp=5",
        "dynamics:rain:0.5+dynamics:rain:-0.5..0.5",
        "dynamics:rain:0.5+dynamics:rain@2",
        "dynamics:seats:0.9..1.2",
        "dynamics:count@5",
    ],
)
def test_what_changes_something_is_accepted(text: str) -> None:
    check(text)


@pytest.mark.parametrize("text", ["dynamics:seats:0.9..1.1", "dynamics:count:0..0.4", "dynamics:count@1"])
def test_what_is_always_rounded_to_the_nominal_value_is_refused(text: str) -> None:
    with pytest.raises(DisruptionError, match="draws whole numbers, all of them the nominal ., which changes nothing"):
        check(text)


def test_a_shift_given_twice_is_refused_with_the_terms_of_others() -> None:
    building = dataclasses.replace(robust_gym.task("Robust-Building-v0"))
    with pytest.raises(DisruptionError, match="the city of Robust-Building-v0 is given twice"):
        check("dynamics:city:tampa+dynamics:0.1+dynamics:city:el_paso", building)
