"""The attacks of adversaries, a file for each way to find a perturbation; see [robust_gym.wrappers.adversary][].

The words of ``obs:adversary:WORD,EPS`` are the table ``adversaries`` of [robust_gym.kinds][]: an attack of your own is
added to it by ``robust_gym.kinds.register_word("adversaries", "mine", "my_module:MyAttack")``.
"""

from __future__ import annotations

from robust_gym.wrappers.attacks.learned import register_learned

__all__ = ["register_learned"]
