from __future__ import annotations

import io
from typing import Any

import pytest
from bench_help import cell, fakes, records_of  # noqa: F401
from rich.console import Console

from robust_gym.bench.display import LiveDisplay, LogDisplay, WarningDisplay, duration, make_display, summary_line
from robust_gym.bench.engine import Failed, Finished, Progressed, Resources, Trained
from robust_gym.bench.progress import Board

pytestmark = pytest.mark.usefixtures("fakes")
NOTHING = Resources(0.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def board(clock: Clock) -> Board:
    built = Board(clock)
    for seed in range(4):
        built.plan(cell(seed))
    return built


def compute(board: Board, clock: Clock, seed: int, train: float, evaluate: float) -> None:
    board.start(cell(seed))
    board.update(Progressed(cell(seed), "train", 0, 10, NOTHING))
    clock.now += train
    board.update(Progressed(cell(seed), "train", 10, 10, NOTHING))
    board.update(Trained(cell(seed), {}))
    clock.now += evaluate
    board.update(Finished(cell(seed), (), NOTHING))


def test_counts(board: Board, clock: Clock) -> None:
    board.skip(cell(9))
    board.skip(cell(8), failed=True)
    assert (board.total, board.ended, len(board.planned)) == (6, 2, 4)
    compute(board, clock, 0, 10, 5)
    board.start(cell(1))
    board.update(Failed(cell(1), "no", "", "train", NOTHING))
    board.start(cell(2))
    assert (board.total, board.ended) == (6, 4)
    assert (board.done, board.skipped, board.failed, len(board.running), len(board.planned)) == (1, 1, 2, 1, 1)
    board.skip(cell(3))  # finished by another process while it was planned
    assert (board.total, board.skipped, len(board.planned)) == (6, 2, 0)


def test_time_left(board: Board, clock: Clock) -> None:
    assert board.seconds_left is None
    compute(board, clock, 0, 10, 5)
    assert board.seconds_left == pytest.approx(45)
    board.start(cell(1))
    board.update(Progressed(cell(1), "train", 0, 10, NOTHING))
    clock.now += 5
    board.update(Progressed(cell(1), "train", 5, 10, NOTHING))
    assert board.seconds_left == pytest.approx(40)
    board.update(Trained(cell(1), {}))
    board.update(Progressed(cell(1), "evaluate", 1, 2, NOTHING))
    clock.now += 7.5
    assert board.seconds_left == pytest.approx(32.5)


def test_what_an_earlier_process_did_is_no_work_of_this_one(clock: Clock) -> None:
    board = Board(clock)
    board.plan(cell(0))
    board.start(cell(0))
    # Nine of ten steps were done before; the tenth takes ten seconds, and an evaluation a quarter of all.
    board.update(Progressed(cell(0), "train", 9, 10, NOTHING))
    assert board.steps_per_second is None
    clock.now += 5
    assert board.seconds_left is None
    clock.now += 5
    board.update(Progressed(cell(0), "train", 10, 10, NOTHING))
    assert board.steps_per_second == pytest.approx(0.1)
    assert board.seconds_left == pytest.approx(25)


def test_steps_per_second(board: Board, clock: Clock) -> None:
    assert board.steps_per_second is None
    for seed in (0, 1):
        board.start(cell(seed))
        board.update(Progressed(cell(seed), "train", 0, 1000, NOTHING))
    for second in range(1, 6):
        clock.now += 1
        for seed in (0, 1):
            board.update(Progressed(cell(seed), "train", 100 * second, 1000, NOTHING))
    assert board.steps_per_second == pytest.approx(200)
    clock.now += 60
    assert board.steps_per_second is None


def test_only_the_present_counts(board: Board, clock: Clock) -> None:
    board.start(cell(0))
    board.update(Progressed(cell(0), "train", 0, 10**6, NOTHING))
    steps = 0
    for speed in [1000] * 30 + [10] * 30:
        clock.now += 1
        steps += speed
        board.update(Progressed(cell(0), "train", steps, 10**6, NOTHING))
    assert board.steps_per_second == pytest.approx(10)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (4.21, "4.2 s"), (59.94, "59.9 s"), (60, "1 min 00 s"), (75, "1 min 15 s"), (7384, "2 h 03 min")],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def talk(display: LogDisplay) -> None:
    with display:
        for seed in range(3):
            display.planned(cell(seed))
        display.skipped(cell(3))
        for seed in (0, 1):
            display.started(cell(seed))
            display.happened(Progressed(cell(seed), "train", 4, 10, NOTHING))
        display.turned()
        display.happened(Finished(cell(0), tuple(records_of(cell(0))), Resources(61.0)))
        display.happened(Failed(cell(1), "ValueError: [no]", "", "train", Resources(0.3)))
        display.warned("beware")
        display.elsewhere(cell(2))


def test_log_display() -> None:
    out = io.StringIO()
    console = Console(file=out, width=1000, markup=False, highlight=False)
    display = make_display(console)
    assert type(display) is LogDisplay
    talk(display)
    assert out.getvalue().splitlines() == [
        "done    fake Fake-Walk-v0 seed 0  (2 of 4, 1 min 01 s)",
        "failed  fake Fake-Walk-v0 seed 1  (3 of 4, 0.3 s): ValueError: [no]",
        "warning: beware",
        "waiting for another process, which is computing fake Fake-Walk-v0 seed 2",
    ]
    assert summary_line(display.board).startswith("1 planned · 1 done · 1 skipped · 1 failed")


def test_log_display_speaks_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    display = LogDisplay(Console(file=out, width=1000))
    display.planned(cell(0))
    display.turned()
    assert out.getvalue() == ""
    display._last_line -= 60
    display.turned()
    display.turned()
    assert out.getvalue() == "1 planned · 0 done · 0 failed\n"


def test_live_display(monkeypatch: Any) -> None:
    out = io.StringIO()
    console = Console(file=out, width=120, height=20, force_terminal=True, markup=False, highlight=False)
    display = make_display(console)
    assert type(display) is LiveDisplay
    display._last_line = 0.0
    talk(display)
    text = out.getvalue()
    assert "1 of 4 cells: 1 planned · 2 running · 0 done" in text
    assert "train 4 / 10 steps" in text
    assert "done    fake Fake-Walk-v0 seed 0" in text


def test_warnings_alone() -> None:
    out = io.StringIO()
    display = make_display(Console(file=out, width=1000, markup=False, highlight=False), "none")
    assert type(display) is WarningDisplay
    display._last_line -= 60
    talk(display)
    assert out.getvalue() == "warning: beware\n"
    assert summary_line(display.board).startswith("1 planned · 1 done · 1 skipped · 1 failed")


@pytest.mark.parametrize(
    ("progress", "kind"), [("auto", LiveDisplay), ("plain", LogDisplay), ("json", LogDisplay), ("none", WarningDisplay)]
)
def test_what_a_terminal_is_shown(progress: str, kind: type[LogDisplay]) -> None:
    assert type(make_display(Console(file=io.StringIO(), force_terminal=True), progress)) is kind
    assert kind is LiveDisplay or type(make_display(Console(file=io.StringIO()), progress)) is kind


def test_unknown_progress() -> None:
    with pytest.raises(ValueError, match="Did you mean 'plain'"):
        make_display(Console(), "plan")
