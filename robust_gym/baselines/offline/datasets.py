"""Datasets in Minari's local format: episodes into a folder that ``minari.load_dataset`` reads, and back."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from robust_gym import __version__
from robust_gym.baselines.offline.episodes import Array, Episode, first, returns
from robust_gym.task import MissingExtraError, Task, missing

MODULES = ("minari", "h5py")
INSTALL = 'pip install "robust-gym[offline]"'

OURS = "robust_gym"
"""The entry of Minari's metadata that says where the data come from."""

_NO_WORD = re.compile(r"[^-\w]+")
_ID = re.compile(r"[-\w]+(/[-\w]+)*-v\d+")


def require() -> None:
    """Check that Minari is there.

    Raises:
        MissingExtraError: If it is not; the message says what to install.
    """
    line = missing("a dataset", MODULES, INSTALL)
    if line:
        raise MissingExtraError(line)


def dataset_id(task: Task, name: str) -> str:
    """Return the id of a task's dataset, such as ``robust-gym/Hopper/medium-v0``."""
    short = re.sub(r"-v\d+$", "", task.id).removeprefix("Robust-")
    return f"robust-gym/{_NO_WORD.sub('-', short)}/{_NO_WORD.sub('-', name)}-v0"


def root_of(root: Path | None = None) -> Path:
    """Return the folder of all datasets: the one given, ``MINARI_DATASETS_PATH``, or Minari's own."""
    from minari.storage.datasets_root_dir import get_dataset_path

    return root if root is not None else Path(get_dataset_path())


def free_folder(id: str, root: Path | None = None) -> Path:
    """Return the folder that a new dataset gets.

    Raises:
        MissingExtraError: If Minari is not installed.
        ValueError: If the id is none, or there is such a dataset.
    """
    require()
    if not _ID.fullmatch(id):
        raise ValueError(f"a dataset's id is like 'robust-gym/Hopper/medium-v0', got {id!r}")
    folder = root_of(root) / id
    if folder.exists():
        raise ValueError(f"there is a dataset in {folder}: choose another id, such as a higher version")
    return folder


def write(id: str, task: Task, episodes: Sequence[Episode], about: Mapping[str, Any], root: Path | None = None) -> Path:
    """Write a dataset.

    Args:
        id: Its id, ``NAMESPACE/NAME-vN``.
        task: The task that the episodes are of.
        episodes: At least one.
        about: What else the metadata say, as JSON values; ``algorithm`` becomes Minari's ``algorithm_name``.
        root: Folder of all datasets; ``None`` for ``MINARI_DATASETS_PATH``, or Minari's own.

    Returns:
        The folder of the dataset.

    Raises:
        MissingExtraError: If Minari is not installed.
        ValueError: If the id is none, or there is such a dataset.
    """
    folder = free_folder(id, root)
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    folder.parent.mkdir(parents=True, exist_ok=True)
    # Hidden until it is whole; Minari lists no hidden folders.
    unfinished = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        seen, acted = _spaces(task)
        storage = MinariStorage.new(
            unfinished / "data",
            observation_space=seen,
            action_space=acted,
            env_spec=gym.spec(task.id),
            data_format="hdf5",
        )
        storage.update_episodes(
            EpisodeBuffer(
                seed=episode.seed,
                observations=episode.observations,
                actions=episode.actions,
                rewards=episode.rewards,
                terminations=episode.terminations,
                truncations=episode.truncations,
            )
            for episode in episodes
        )
        storage.update_metadata(_metadata(id, task, episodes, about))
        unfinished.chmod(0o755)  # mkdtemp's are for their owner only
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return folder


def _metadata(id: str, task: Task, episodes: Sequence[Episode], about: Mapping[str, Any]) -> dict[str, Any]:
    import minari

    found = returns(task, episodes)
    ours = {
        **about,
        "task": task.id,
        "task_version": task.version,
        "robust_gym": __version__,
        "returns": {name: float(getattr(np, name)(found)) for name in ("mean", "std", "min", "max")},
        "sha256": digest(episodes),
    }
    return {
        "dataset_id": id,
        "minari_version": minari.__version__,
        "algorithm_name": str(about.get("algorithm", "unknown")),
        "author": {"robust-gym"},
        "description": f"Episodes of {task.id}, collected by `robust-gym dataset`.",
        "requirements": [f"robust-gym>={__version__}"],
        OURS: ours,
    }


def digest(episodes: Iterable[Episode]) -> str:
    """Return the sha256 of all that episodes hold, types and shapes included."""
    found = hashlib.sha256()
    for episode in episodes:
        seen = episode.observations
        parts = [seen[name] for name in sorted(seen)] if isinstance(seen, Mapping) else [seen]
        for array in (*parts, episode.actions, episode.rewards, episode.terminations, episode.truncations):
            found.update(f"{array.dtype.str}{array.shape}".encode())
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def read(name: str | Path, task: Task, steps: int | None = None, root: Path | None = None) -> list[Episode]:
    """Read a dataset; no pickle is involved.

    Args:
        name: Its id, or its folder. It may be one of Minari's own, of the task's base environment.
        task: The task that it must be of.
        steps: Read no more than so many steps; the last episode is cut off where they end.
        root: Folder of all datasets; ``None`` for ``MINARI_DATASETS_PATH``, or Minari's own.

    Raises:
        MissingExtraError: If Minari is not installed.
        FileNotFoundError: If there is no such dataset.
        ValueError: If it is damaged, or of another task.
    """
    require()
    folder = _folder(name, root)
    metadata = _checked_metadata(folder, task)
    from minari import MinariDataset

    try:
        data = MinariDataset(folder)
        spaces = data.observation_space, data.action_space
        known = data.storage.get_episode_metadata(data.episode_indices)
        episodes = [_episode(one, more.get("seed")) for one, more in zip(data.iterate_episodes(), known, strict=True)]
    except (AssertionError, AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"the dataset in {folder} is damaged: {' '.join(str(error).split())}") from error
    for what, found, wanted in zip(("observations", "actions"), spaces, _spaces(task), strict=True):
        if found != wanted:
            raise ValueError(f"the dataset in {folder} has {what} in {found}, those of {task.id} are in {wanted}")
    if not episodes:
        raise ValueError(f"the dataset in {folder} is damaged: it has no episode")
    recorded = metadata.get(OURS, {}).get("sha256")
    if recorded is not None and recorded != digest(episodes):
        raise ValueError(f"the dataset in {folder} is damaged: its episodes are not those that were written")
    return episodes if steps is None else first(episodes, steps)


def _folder(name: str | Path, root: Path | None) -> Path:
    """Return the folder in which a dataset's files lie."""
    for folder in (Path(name), root_of(root) / name):
        for inner in (folder / "data", folder):
            if (inner / "metadata.json").is_file():
                return inner
    raise FileNotFoundError(
        f"there is no dataset {str(name)!r}, neither as a folder nor in {root_of(root)}; "
        "`robust-gym dataset TASK` makes one"
    )


def _checked_metadata(folder: Path, task: Task) -> dict[str, Any]:
    """Return the metadata of a dataset that is of a task."""
    try:
        metadata: dict[str, Any] = json.loads((folder / "metadata.json").read_text())
        # Without them Minari would make the environment that the file names, whatever that is.
        for space in ("observation_space", "action_space"):
            if not isinstance(metadata[space], str):
                raise TypeError(f"its {space} is no text")
        ours = metadata.get(OURS)
        spec = {} if ours else json.loads(metadata["env_spec"])
        of = ours["task"] if ours else spec["id"]
        version = ours["task_version"] if ours else task.version
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the dataset in {folder} is damaged: its metadata.json is not Minari's ({error})") from error
    if of not in (task.id, task.base) and (ours or not _alike(spec, task)):
        raise ValueError(f"the dataset in {folder} is of {of}, not of {task.id}")
    if version != task.version:
        raise ValueError(
            f"the dataset in {folder} is of version {version} of {task.id}, which is now at {task.version}"
        )
    return metadata


def _alike(spec: Mapping[str, Any], task: Task) -> bool:
    """Return whether a function makes for the task what an id of Gymnasium names, without arguments to either.

    Arguments may be about the reward.
    """
    from robust_gym.tasks import make

    if spec.get("kwargs") or task.kwargs:
        return False
    env = make(task.id)
    env.close()
    cls = type(env.unwrapped)
    return bool(spec.get("entry_point") == f"{cls.__module__}:{cls.__qualname__}")


def _spaces(task: Task) -> tuple[Any, Any]:
    from robust_gym.tasks import make

    env = make(task.id)
    try:
        return env.observation_space, env.action_space
    finally:
        env.close()


def _episode(data: Any, seed: int | None) -> Episode:
    """Return one of Minari's episodes as ours.

    Raises:
        ValueError: If its parts do not fit together.
    """
    steps = len(data.rewards)
    seen = data.observations
    parts: list[Array] = list(seen.values()) if isinstance(seen, Mapping) else [seen]
    if not steps or any(len(part) != steps + 1 for part in parts):
        raise ValueError(f"episode {data.id} has {steps} rewards and {[len(part) for part in parts]} observations")
    if not len(data.actions) == len(data.terminations) == len(data.truncations) == steps:
        raise ValueError(f"episode {data.id} has {steps} rewards and {len(data.actions)} actions")
    if np.any(data.terminations[:-1]) or np.any(data.truncations[:-1]):
        raise ValueError(f"episode {data.id} goes on after its end")
    if not all(np.isfinite(part).all() for part in (*parts, data.actions, data.rewards)):
        raise ValueError(f"episode {data.id} holds a number that is not finite")
    rewards = np.asarray(data.rewards, np.float64)
    return Episode(seen, np.asarray(data.actions), rewards, bool(data.terminations[-1]), seed)
