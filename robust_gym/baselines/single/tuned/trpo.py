"""TRPO (the zoo's ``trpo.yml``)."""

from __future__ import annotations

from robust_gym.baselines.single.tuned.table import NO_SDE, PHYSICS, SDE, Table, Values

_MUJOCO: Values = {
    "normalise": True,
    "n_envs": 2,
    "n_steps": 1024,
    "cg_max_steps": 25,
    "n_critic_updates": 20,
}
_FAMILY: dict[str, Values] = dict.fromkeys(PHYSICS, _MUJOCO)
_TASK: dict[str, Values] = {
    "Robust-CartPole-v0": {
        "n_envs": 2,
        "n_steps": 512,
        "batch_size": 512,
        "cg_damping": 1e-3,
        "gae_lambda": 0.98,
        "n_critic_updates": 20,
    },
    "Robust-Pendulum-v0": {"n_envs": 2, "n_steps": 1024, "gamma": 0.9, "n_critic_updates": 15, **SDE},
    "Robust-MountainCar-v0": {"normalise": True, "n_envs": 2, "n_steps": 1024, "n_critic_updates": 20},
    "Robust-MountainCarContinuous-v0": {"normalise": True, "n_envs": 2, **SDE},
    "Robust-Acrobot-v0": {"normalise": True, "n_envs": 2, "n_steps": 1024},
    "Robust-LunarLander-v0": {
        "n_envs": 2,
        "n_steps": 512,
        "cg_damping": 0.01,
        "gae_lambda": 0.98,
        "n_critic_updates": 15,
    },
    "Robust-LunarLanderContinuous-v0": {"normalise": True, "n_envs": 2, "n_steps": 1024, "n_critic_updates": 20},
    "Robust-BipedalWalker-v0": _MUJOCO,
    "Robust-BipedalWalkerHardcore-v0": _MUJOCO,
    "Robust-HalfCheetah-v0": {"target_kl": 0.04},
    "Robust-Swimmer-v0": {"gamma": 0.9999},
}
_DEFAULT: Values = {
    "normalise": False,
    "n_envs": 1,
    "n_steps": 2048,
    "batch_size": 128,
    "learning_rate": 1e-3,
    "decay": False,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "target_kl": 0.01,
    "cg_max_steps": 15,
    "cg_damping": 0.1,
    "n_critic_updates": 10,
    "sub_sampling_factor": 1,
    "layers": (64, 64),
    "ortho_init": True,
    **NO_SDE,
    "log_std_init": 0.0,
}

TABLES: dict[str, Table] = {"trpo": (_DEFAULT, _FAMILY, _TASK)}
