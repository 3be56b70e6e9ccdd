"""Checks that every task must pass: run by the tests, by ``robust-gym validate``, and by you on your own."""

from robust_gym.conformance.checks import (
    CHECKS,
    Finding,
    check_api,
    check_none,
    check_protocol,
    check_randomness,
    check_schedules,
    check_seeding,
    check_spaces,
    check_spawn,
    check_spec,
    check_task,
    digest,
    some_disruption,
)
from robust_gym.conformance.effects import check_effect, disruptions
from robust_gym.conformance.rollout import Rollout, rollout
from robust_gym.conformance.worlds import SLOW_STEPS, STEPS, Worlds

__all__ = [
    "CHECKS",
    "SLOW_STEPS",
    "STEPS",
    "Finding",
    "Rollout",
    "Worlds",
    "check_api",
    "check_effect",
    "check_none",
    "check_protocol",
    "check_randomness",
    "check_schedules",
    "check_seeding",
    "check_spaces",
    "check_spawn",
    "check_spec",
    "check_task",
    "digest",
    "disruptions",
    "rollout",
    "some_disruption",
]
