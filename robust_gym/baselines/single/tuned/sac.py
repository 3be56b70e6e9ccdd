"""SAC (the zoo's ``sac.yml``), TQC (``tqc.yml``) and CrossQ (``crossq.yml``)."""

from __future__ import annotations

from robust_gym.baselines.single.tuned.table import NO_SDE, Table, Values

_SAC_FAMILY: dict[str, Values] = {
    "box2d": {"layers": (400, 300), "learning_rate": 7.3e-4, "tau": 0.01, "decay": True},
}
_SAC_TASK: dict[str, Values] = {
    "Robust-Pendulum-v0": {"learning_rate": 1e-3},
    "Robust-MountainCarContinuous-v0": {
        "buffer_size": 50_000,
        "batch_size": 512,
        "ent_coef": "0.1",
        "train_freq": 32,
        "gamma": 0.9999,
        "tau": 0.01,
        "learning_starts": 0.0,
        "layers": (64, 64),
        "use_sde": True,
        "log_std_init": -3.67,
    },
    "Robust-BipedalWalker-v0": {"gamma": 0.98, "tau": 0.02, "train_freq": 64, "decay": False, "use_sde": True},
    # Our own: the zoo learns from an autoencoder's features. An update of the convolutional network costs fifty
    # times as much as one on numbers, and frames are large, so there are fewer of both.
    "Robust-CarRacing-v0": {
        "buffer_size": 20_000,
        "batch_size": 64,
        "train_freq": 8,
        "gradient_steps": 2,
        "tau": 0.02,
        "layers": (256,),
        "decay": False,
    },
    "Robust-Swimmer-v0": {"gamma": 0.9999},
}
_SAC_DEFAULT: Values = {
    "learning_rate": 3e-4,
    "decay": False,
    "buffer_size": 1_000_000,
    "batch_size": 256,
    "ent_coef": "auto",
    "train_freq": 1,
    "gradient_steps": -1,
    "gamma": 0.99,
    "tau": 0.005,
    # Share of the budget; the zoo's 10,000 of a million steps.
    "learning_starts": 0.01,
    "layers": (256, 256),
    **NO_SDE,
    "log_std_init": -3.0,
}

_TQC_FAMILY: dict[str, Values] = {"box2d": {**_SAC_FAMILY["box2d"], "learning_starts": 0.02}}
_TQC_TASK: dict[str, Values] = {
    "Robust-Pendulum-v0": _SAC_TASK["Robust-Pendulum-v0"],
    "Robust-MountainCarContinuous-v0": _SAC_TASK["Robust-MountainCarContinuous-v0"],
    "Robust-BipedalWalker-v0": {**_SAC_TASK["Robust-BipedalWalker-v0"], "buffer_size": 300_000},
    "Robust-BipedalWalkerHardcore-v0": {"learning_starts": 0.005},
    "Robust-CarRacing-v0": _SAC_TASK["Robust-CarRacing-v0"],
    "Robust-Hopper-v0": {"top_quantiles_to_drop_per_net": 5},
    "Robust-Swimmer-v0": {"gamma": 0.999},
}
_TQC_DEFAULT: Values = {**_SAC_DEFAULT, "n_quantiles": 25, "n_critics": 2, "top_quantiles_to_drop_per_net": 2}

_CROSSQ_TASK: dict[str, Values] = {
    "Robust-Pendulum-v0": {"policy_delay": 2, "critic_layers": (256, 256), "learning_starts": 0.005},
    "Robust-MountainCarContinuous-v0": {
        "learning_rate": 7e-4,
        "buffer_size": 50_000,
        "train_freq": 32,
        "gradient_steps": -1,
        "gamma": 0.9999,
        "learning_starts": 0.002,
        "policy_delay": 2,
        "layers": (64, 64),
        "critic_layers": (64, 64),
        "use_sde": True,
        "log_std_init": -1.0,
    },
    "Robust-LunarLanderContinuous-v0": {"learning_starts": 0.05},
    "Robust-BipedalWalker-v0": {"buffer_size": 300_000, "gamma": 0.98, "learning_starts": 0.05},
    "Robust-Swimmer-v0": {"gamma": 0.999},
}
_CROSSQ_DEFAULT: Values = {
    "learning_rate": 1e-3,
    "decay": False,
    "buffer_size": 1_000_000,
    "batch_size": 256,
    "ent_coef": "auto",
    "train_freq": 1,
    "gradient_steps": 1,
    "gamma": 0.99,
    # The zoo's 5,000 of five million steps.
    "learning_starts": 0.001,
    "policy_delay": 3,
    "layers": (256, 256),
    # Stable-Baselines3's. The zoo, as the paper, gives critics on MuJoCo 2,048 units in each layer, whose updates take
    # four times as long.
    "critic_layers": (1024, 1024),
    **NO_SDE,
    "log_std_init": -3.0,
}

TABLES: dict[str, Table] = {
    "sac": (_SAC_DEFAULT, _SAC_FAMILY, _SAC_TASK),
    "tqc": (_TQC_DEFAULT, _TQC_FAMILY, _TQC_TASK),
    "crossq": (_CROSSQ_DEFAULT, {}, _CROSSQ_TASK),
}
