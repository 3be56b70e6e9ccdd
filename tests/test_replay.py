"""Videos of recorded episodes: that they are those episodes, and what is in the files."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_help import Capture, call, fails
from PIL import Image
from submission_help import TASK, changed_records, put_cell

from robust_gym import record, registry
from robust_gym.bench.policies import find_policy
from robust_gym.bench.store import RECORDS
from robust_gym.replay.episode import film
from robust_gym.replay.video import write_video
from robust_gym.splits import task_protocol


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pygame")
    return put_cell(tmp_path_factory.mktemp("results"), "random", seed=2)


def frames(path: Path) -> tuple[list[np.ndarray], int]:
    """Return a GIF's pictures, and its length in milliseconds."""
    found, total = [], 0
    with Image.open(path) as image:
        for place in range(image.n_frames):
            image.seek(place)
            total += image.info["duration"]
            found.append(np.asarray(image.convert("RGB")))
    return found, total


@pytest.mark.parametrize(
    "disruption", ["none", "observation:gauss:0.1", "dynamics:random:0.3~ramp=250", "action:delay:2"]
)
def test_a_recorded_episode(cell: Path, tmp_path: Path, capsys: Capture, disruption: str) -> None:
    out = tmp_path / "new" / "video.gif"
    code, printed, error = call(
        capsys, "replay", str(cell), "--disruption", disruption, "--episode", "1", "--out", str(out)
    )
    assert (code, error) == (0, "")
    (one,) = [r for r in record.load(cell / RECORDS) if r.disruption == disruption]
    assert f"episode 1 (seed {one.episode_seeds[1]}): return {one.returns[1]:.10g} in {one.lengths[1]} steps" in printed
    assert "as recorded, to the bit" in printed
    shown, milliseconds = frames(out)
    # CartPole has 50 pictures a second, a GIF 25; of equal ones that follow one another, it holds the first for longer.
    assert milliseconds == 40 * round((one.lengths[1] + 1) / 2)
    assert len(shown) <= round((one.lengths[1] + 1) / 2) <= len(shown) + 2
    assert max(shown[0].shape) <= 480
    assert not np.array_equal(shown[0], shown[-1])


def test_every_recorded_episode_of_a_team_is_itself(tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    folder = put_cell(tmp_path, "random", "Robust-MPESpread-v0")
    policy, task = find_policy(str(folder), None).policy, registry.task("Robust-MPESpread-v0")
    for one in record.load(folder / RECORDS)[::9]:
        filmed = film(policy, task, one.disruption, one.episode_seeds[0])
        assert (filmed.total, filmed.length) == (one.returns[0], one.lengths[0])
        assert len(filmed.frames) == filmed.length + 1


def test_the_records_name_the_cell_too(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    assert call(capsys, "replay", str(cell / RECORDS), "--out", str(tmp_path / "a.gif"))[0] == 0
    call(capsys, "replay", str(cell), "--out", str(tmp_path / "b.gif"))
    assert (tmp_path / "a.gif").read_bytes() == (tmp_path / "b.gif").read_bytes()


def test_a_disruption_of_ones_own(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    code, printed, _ = call(
        capsys, "replay", str(cell), "--disruption", "dynamics:length:2", "--out", str(tmp_path / "a.gif")
    )
    assert code == 0
    assert "no record of this disruption to compare with" in printed


def test_a_record_that_does_not_hold(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(cell, tmp_path / "seed-2")
    file = tmp_path / "seed-2" / RECORDS
    file.write_bytes(changed_records(file.read_bytes(), lambda one: {**one, "returns": [500.0, 500.0]}))
    code, printed, _ = call(capsys, "replay", str(file), "--out", str(tmp_path / "a.gif"))
    assert code == 1
    assert "DIFFERENT from the record, which has a return of 500.0 (made by robust-gym" in printed
    assert (tmp_path / "a.gif").exists()


def test_records_of_another_policy(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(cell, tmp_path / "seed-2")
    file = tmp_path / "seed-2" / RECORDS
    file.write_bytes(changed_records(file.read_bytes(), lambda one: {**one, "seed": 9}))
    assert "which the policy is not of" in fails(capsys, "replay", str(file), "--out", str(tmp_path / "a.gif"))


def test_errors(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    gif = ("--out", str(tmp_path / "a.gif"))
    assert "there is no folder" in fails(capsys, "replay", str(tmp_path / "nowhere"), *gif)
    (tmp_path / "alone.jsonl").write_bytes((cell / RECORDS).read_bytes())
    assert "a video needs the policy itself" in fails(capsys, "replay", str(tmp_path / "alone.jsonl"), *gif)
    assert "--episode must be from 0 to 1, got 2" in fails(capsys, "replay", str(cell), "--episode", "2", *gif)
    assert "obs:x" in fails(capsys, "replay", str(cell), "--disruption", "obs:x", *gif)
    assert "dynamics:mas" in fails(capsys, "replay", str(cell), "--disruption", "dynamics:mas:2", *gif)
    assert ".gif or .mp4" in fails(capsys, "replay", str(cell), "--out", "a.avi")
    assert not (tmp_path / "a.gif").exists()


def test_what_cannot_be_drawn(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    out = ("--out", str(tmp_path / "a.gif"))
    exact = registry.list_tasks("exact")[0]
    assert f"{exact} cannot be drawn" in fails(capsys, "replay", str(put_cell(tmp_path, "random", exact)), *out)
    monkeypatch.setenv("MUJOCO_GL", "disable")
    pytest.importorskip("mujoco")
    folder = put_cell(tmp_path, "random", "Robust-InvertedPendulum-v0")
    line = fails(capsys, "replay", str(folder), *out)
    assert "Robust-InvertedPendulum-v0 cannot be drawn" in line
    assert "MUJOCO_GL is 'disable'; egl, osmesa or glfw draw" in line


def test_without_what_writes_it(cell: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert "robust-gym[images]" in fails(capsys, "replay", str(cell), "--out", str(tmp_path / "a.gif"))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    assert "robust-gym[video]" in fails(capsys, "replay", str(cell), "--out", str(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    ("fps", "count", "expected"), [(10, 20, 20), (25, 50, 50), (50, 100, 50), (30, 60, 50), (100, 1, 1)]
)
def test_a_gif_has_the_speed_of_the_world(tmp_path: Path, fps: int, count: int, expected: int) -> None:
    pictures = [np.full((20, 30, 3), 2 * number, np.uint8) for number in range(count)]
    assert write_video(tmp_path / "a.gif", pictures, fps) == expected
    found, milliseconds = frames(tmp_path / "a.gif")
    assert len(found) == expected
    assert milliseconds == pytest.approx(1000 * expected / min(fps, 25), abs=10)
    assert abs(int(found[-1].mean()) - 2 * (count - 1)) <= 2  # the last picture is shown
    with pytest.raises(ValueError, match="one size"):
        write_video(tmp_path / "a.gif", [np.zeros((2, 2, 3), np.uint8), np.zeros((4, 4, 3), np.uint8)], 10)


@pytest.mark.skipif(importlib.util.find_spec("imageio_ffmpeg") is None, reason="needs the extra video")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # imageio leaves pipes to ffmpeg open
def test_mp4(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    import imageio.v3

    out = tmp_path / "a.mp4"
    code, printed, _ = call(capsys, "replay", str(cell), "--out", str(out))
    assert code == 0
    assert "as recorded" in printed
    (one,) = [r for r in record.load(cell / RECORDS) if r.disruption == "none"]
    shown = imageio.v3.imread(out, plugin="FFMPEG")
    assert len(shown) == one.lengths[0] + 1
    assert list(tmp_path.iterdir()) == [out]


def test_json_of_a_policy_alone_is_enough(cell: Path, tmp_path: Path, capsys: Capture) -> None:
    """A policy without records is filmed on the protocol's episodes."""
    shutil.copytree(cell / "policy", tmp_path / "alone")
    code, printed, _ = call(
        capsys, "replay", str(tmp_path / "alone"), "--episode", "5", "--out", str(tmp_path / "a.gif")
    )
    assert code == 0
    assert str(task_protocol(TASK).seeds[5]) in printed
    assert json.loads((tmp_path / "alone/policy.json").read_text())["task"] == TASK
