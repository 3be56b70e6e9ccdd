"""A2C (the zoo's ``a2c.yml``)."""

from __future__ import annotations

from robust_gym.baselines.single.tuned.table import NO_SDE, PHYSICS, Table, Values

_FAMILY: dict[str, Values] = {family: {"normalise": True} for family in PHYSICS}
_CONTINUOUS: Values = {
    "normalise": True,
    "n_steps": 8,
    "gae_lambda": 0.9,
    "vf_coef": 0.4,
    "learning_rate": 7e-4,
    "decay": True,
    "use_sde": True,
    "log_std_init": -2.0,
    "ortho_init": False,
}
_TASK: dict[str, Values] = {
    "Robust-CartPole-v0": {"n_envs": 8},
    "Robust-Pendulum-v0": {**_CONTINUOUS, "n_envs": 8, "gamma": 0.9},
    "Robust-MountainCar-v0": {"normalise": True, "n_envs": 16},
    "Robust-MountainCarContinuous-v0": {
        "normalise": True,
        "n_envs": 4,
        "n_steps": 100,
        "use_sde": True,
        "sde_sample_freq": 16,
        "ortho_init": False,
    },
    "Robust-Acrobot-v0": {"normalise": True, "n_envs": 16},
    "Robust-LunarLander-v0": {
        "n_envs": 8,
        "gamma": 0.995,
        "learning_rate": 8.3e-4,
        "decay": True,
        "ent_coef": 1e-5,
    },
    "Robust-LunarLanderContinuous-v0": {**_CONTINUOUS, "n_envs": 4},
    "Robust-BipedalWalker-v0": {**_CONTINUOUS, "n_envs": 16, "learning_rate": 9.6e-4},
    "Robust-BipedalWalkerHardcore-v0": {**_CONTINUOUS, "n_envs": 32, "learning_rate": 8e-4, "ent_coef": 0.001},
    # The zoo's values for the images of Atari.
    "Robust-CarRacing-v0": {"normalise": True, "n_envs": 16, "ent_coef": 0.01, "vf_coef": 0.25},
    "Robust-Swimmer-v0": {"gamma": 0.9999},
}
_DEFAULT: Values = {
    "normalise": False,
    "n_envs": 1,
    "n_steps": 5,
    "learning_rate": 7e-4,
    "decay": False,
    "gamma": 0.99,
    "gae_lambda": 1.0,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
    "normalize_advantage": False,
    "use_rms_prop": True,
    "layers": (64, 64),
    "ortho_init": True,
    **NO_SDE,
    "log_std_init": 0.0,
}

TABLES: dict[str, Table] = {"a2c": (_DEFAULT, _FAMILY, _TASK)}
