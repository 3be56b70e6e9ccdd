"""Kinds that attack a policy, and the attacks they know."""

from __future__ import annotations

from robust_gym.kind import Argument, Kind
from robust_gym.kind_table._arguments import ACTION_UNIT, OBSERVATION_UNIT, whole

_HOME, _ATTACKS = "robust_gym.wrappers.adversary", "robust_gym.wrappers.attacks"

ATTACKS: dict[str, str] = {
    "random": f"{_ATTACKS}.search:Random",
    "search": f"{_ATTACKS}.search:Search",
    "mad": f"{_ATTACKS}.gradient:MaximalActionDifference",
    "critic": f"{_ATTACKS}.gradient:CriticAttack",
    "learned": f"{_ATTACKS}.learned:Learned",
    "llm": f"{_ATTACKS}.language:LanguageModel",
}
"""The words of the table ``adversaries``, and the class of each."""

_ATTACK = Argument("attack", "who attacks", "word", low=0, words="adversaries")


def _arguments(unit: str) -> tuple[Argument, ...]:
    return (
        _ATTACK,
        Argument("eps", "radius of the ball, in the largest norm", unit, low=0, high=100, open_low=True),
        whole(
            "budget",
            "tries of search, gradient steps, or steps that random and llm keep to an answer; 0 for the attack's own",
            "tries or steps",
            10_000,
            default=0,
            low=0,
        ),
    )


ADVERSARIES: tuple[Kind, ...] = (
    Kind(
        "action",
        "adversary",
        "An adversary moves the action within a ball about it: random, search and critic (which ask the policy's "
        "Q(s, a)), or one that was learned. The policy under attack must be bound; evaluate() does so.",
        _arguments(ACTION_UNIT),
        f"{_HOME}:ActionAdversary",
        tuple(("random", eps, 0) for eps in (0.1, 0.2, 0.35, 0.5, 0.8)),
        source="NR-MDP (Tessler et al., ICML 2019); RARL (Pinto et al., ICML 2017)",
        policy=True,
    ),
    Kind(
        "observation",
        "adversary",
        "An adversary moves the observation within a ball about it: random, search, mad and critic (gradients through "
        "the policy), llm (a language model), or one that was learned. The policy under attack must be bound; "
        "evaluate() does so.",
        _arguments(OBSERVATION_UNIT),
        f"{_HOME}:ObservationAdversary",
        tuple(("mad", eps, 0) for eps in (0.02, 0.05, 0.1, 0.15, 0.2)),
        ("vector",),
        "SA-MDP (Zhang et al., NeurIPS 2020); ATLA (Zhang et al., ICLR 2021)",
        policy=True,
    ),
)
