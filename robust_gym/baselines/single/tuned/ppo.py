"""PPO (the zoo's ``ppo.yml``), and PPO with an LSTM (``ppo_lstm.yml``).

The zoo tunes the LSTM on versions of the classic tasks that hide velocities, which are shown here.
"""

from __future__ import annotations

from robust_gym.baselines.single.tuned.table import NO_SDE, PHYSICS, SDE, Table, Values

_PPO_FAMILY: dict[str, Values] = {
    **{family: {"normalise": True} for family in PHYSICS},
    "box2d": {
        "n_envs": 16,
        "n_steps": 1024,
        "batch_size": 64,
        "gae_lambda": 0.98,
        "gamma": 0.999,
        "n_epochs": 4,
        "ent_coef": 0.01,
    },
}
_PPO_TASK: dict[str, Values] = {
    "Robust-CartPole-v0": {
        "n_envs": 8,
        "n_steps": 32,
        "batch_size": 256,
        "gae_lambda": 0.8,
        "gamma": 0.98,
        "n_epochs": 20,
        "learning_rate": 1e-3,
        "decay": True,
    },
    "Robust-Pendulum-v0": {"n_envs": 4, "n_steps": 1024, "gamma": 0.9, "learning_rate": 1e-3, **SDE},
    "Robust-MountainCar-v0": {"normalise": True, "n_envs": 16, "n_steps": 16, "gae_lambda": 0.98, "n_epochs": 4},
    "Robust-MountainCarContinuous-v0": {
        "normalise": True,
        "n_steps": 8,
        "batch_size": 256,
        "gamma": 0.9999,
        "learning_rate": 7.77e-5,
        "ent_coef": 0.00429,
        "clip_range": 0.1,
        "gae_lambda": 0.9,
        "max_grad_norm": 5.0,
        "vf_coef": 0.19,
        "use_sde": True,
        "log_std_init": -3.29,
        "ortho_init": False,
    },
    "Robust-Acrobot-v0": {"normalise": True, "n_envs": 16, "n_steps": 256, "gae_lambda": 0.94, "n_epochs": 4},
    "Robust-BipedalWalker-v0": {
        "normalise": True,
        "n_envs": 32,
        "n_steps": 2048,
        "gae_lambda": 0.95,
        "n_epochs": 10,
        "ent_coef": 0.0,
        "clip_range": 0.18,
    },
    "Robust-CarRacing-v0": {
        "normalise": True,
        "n_envs": 8,
        "n_steps": 512,
        "batch_size": 128,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "n_epochs": 10,
        "ent_coef": 0.0,
        "learning_rate": 1e-4,
        "decay": True,
        **SDE,
        "log_std_init": -2.0,
        "ortho_init": False,
    },
    "Robust-Swimmer-v0": {
        "n_envs": 4,
        "n_steps": 1024,
        "batch_size": 256,
        "gamma": 0.9999,
        "gae_lambda": 0.98,
        "learning_rate": 6e-4,
    },
}
_PPO_DEFAULT: Values = {
    "normalise": False,
    "n_envs": 1,
    "n_steps": 2048,
    "batch_size": 64,
    "n_epochs": 10,
    "learning_rate": 3e-4,
    "decay": False,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
    "layers": (64, 64),
    "ortho_init": True,
    **NO_SDE,
    "log_std_init": 0.0,
}

# For the classic tasks; the LSTM has as many units as the layer after it.
_SMALL = {"layers": (64,), "lstm_hidden_size": 64}
_LUNAR: Values = {
    **_SMALL,
    "normalise": True,
    "n_envs": 32,
    "n_steps": 512,
    "gae_lambda": 0.98,
    "gamma": 0.999,
    "n_epochs": 4,
    "ent_coef": 0.01,
}
_WALKER: Values = {
    **_SMALL,
    "normalise": True,
    "n_envs": 32,
    "n_steps": 256,
    "batch_size": 256,
    "gamma": 0.999,
    "clip_range": 0.18,
}
_LSTM_FAMILY: dict[str, Values] = {family: {"normalise": True} for family in PHYSICS}
_LSTM_TASK: dict[str, Values] = {
    "Robust-CartPole-v0": {**_PPO_TASK["Robust-CartPole-v0"], **_SMALL, "normalise": True},
    "Robust-Pendulum-v0": {**_PPO_TASK["Robust-Pendulum-v0"], **_SMALL, "normalise": True, "ortho_init": False},
    "Robust-MountainCar-v0": _PPO_TASK["Robust-MountainCar-v0"],
    "Robust-MountainCarContinuous-v0": {
        **_PPO_TASK["Robust-MountainCarContinuous-v0"],
        "n_envs": 8,
        "n_steps": 1024,
        "layers": (64,),
        "lstm_hidden_size": 32,
        "sde_sample_freq": 8,
        "log_std_init": 0.0,
    },
    "Robust-Acrobot-v0": _PPO_TASK["Robust-Acrobot-v0"],
    "Robust-LunarLander-v0": _LUNAR,
    "Robust-LunarLanderContinuous-v0": _LUNAR,
    "Robust-BipedalWalker-v0": _WALKER,
    "Robust-BipedalWalkerHardcore-v0": {**_WALKER, "ent_coef": 0.001, "clip_range": 0.2, "decay": True},
    "Robust-CarRacing-v0": {
        **_PPO_TASK["Robust-CarRacing-v0"],
        "lstm_hidden_size": 128,
        "enable_critic_lstm": False,
    },
    "Robust-Swimmer-v0": _PPO_TASK["Robust-Swimmer-v0"],
}
# Stable-Baselines3's, from sb3-contrib's RecurrentPPO.
_LSTM_DEFAULT: Values = {
    **_PPO_DEFAULT,
    "n_steps": 128,
    "batch_size": 128,
    "lstm_hidden_size": 256,
    "n_lstm_layers": 1,
    "enable_critic_lstm": True,
}

TABLES: dict[str, Table] = {
    "ppo": (_PPO_DEFAULT, _PPO_FAMILY, _PPO_TASK),
    "recurrent-ppo": (_LSTM_DEFAULT, _LSTM_FAMILY, _LSTM_TASK),
}
