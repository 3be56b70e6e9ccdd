"""Whether a training counts as disrupted, and what its method may know."""

from pathlib import Path
from typing import Any

import pytest

from robust_gym import registry
from robust_gym.bench.arguments import trained_how
from robust_gym.leaderboard import load_records
from robust_gym.leaderboard.published import FOLDER

PUBLISHED = sorted(Path(FOLDER).rglob("seed-0.jsonl.gz"))


@pytest.mark.parametrize(
    ("name", "train_disruption", "train", "privileges"),
    [
        ("vdn", None, "nominal", ()),
        ("vdn", "dynamics:random:0.3", "disrupted", ("parameter-box",)),
        ("vdn", "none | dynamics:random:0.3", "disrupted", ("parameter-box",)),
        ("vdn", "observation:gauss:0.1", "disrupted", ()),
        ("dr-vdn", None, "disrupted", ("parameter-box",)),
        ("dr-vdn", "none", "nominal", ()),
        ("groupdr-vdn", None, "disrupted", ("parameter-box", "privileged-dynamics")),
        ("robust-vi", None, "nominal", ("model",)),
    ],
)
def test_it_follows_from_the_arguments(
    name: str, train_disruption: str | None, train: str, privileges: tuple[str, ...]
) -> None:
    arguments: dict[str, Any] = {} if train_disruption is None else {"train_disruption": train_disruption}
    assert trained_how(registry.algorithm(name), arguments) == (train, privileges)


def test_what_is_disrupted_in_itself_stays_so() -> None:
    for name in ("rarl", "atla-ppo", "bpi-ucbvi", "hysrl"):
        info = registry.algorithm(name)
        assert trained_how(info, {}) == ("disrupted", info.privileges)


@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: f"{file.parts[-3]}-{file.parts[-2]}")
def test_published_records_say_the_same(file: Path) -> None:
    first = load_records([file])[0]
    train, privileges = trained_how(registry.algorithm(first.algorithm), first.arguments)
    assert (first.train, first.privileges) == (train, privileges)
