"""A campaign that is told to stop: what it finishes, what it takes back, and that no cell fails because of it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from bench_help import (  # noqa: F401
    cell,
    fakes,
    finish,
    leftovers,
    logged,
    records_of,
    results,
    start_bench,
    temporary,
    wait_until,
    workers_of,
)

from robust_gym.bench.campaign import Campaign
from robust_gym.bench.cell import Cell
from robust_gym.bench.command import Options, bench
from robust_gym.bench.display import LogDisplay
from robust_gym.bench.engine import Checkpointed, Event, Failed, Finished, Job, Progressed, Resources
from robust_gym.bench.engines import EngineChoice
from robust_gym.bench.plan import Request
from robust_gym.bench.store import State, Store
from robust_gym.bench.terms import terms_of
from robust_gym.bench.training import train
from robust_gym.terminal import console

pytestmark = pytest.mark.usefixtures("fakes")

ONE = ("--tasks", "Fake-Walk-v0", "--seeds", "3", "--jobs", "1")


# Signals


def _all(process: subprocess.Popen[str], number: int) -> None:
    """What ends a service, a job of a queue or a shell."""
    os.killpg(process.pid, number)


def _workers_first(process: subprocess.Popen[str], number: int) -> None:
    for worker in workers_of(process.pid):
        os.kill(worker, number)
    time.sleep(0.8)
    process.send_signal(number)


def _driver_first(process: subprocess.Popen[str], number: int) -> None:
    workers = workers_of(process.pid)
    process.send_signal(number)
    for worker in workers:
        os.kill(worker, number)


@pytest.mark.parametrize("send", [_all, _workers_first, _driver_first])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_driver_and_workers_fails_no_cell(
    tmp_path: Path, send: Callable[[subprocess.Popen[str], int], None], number: signal.Signals
) -> None:
    out, log = tmp_path / "results", tmp_path / "log"
    process = start_bench(out, log, *ONE, "--set", "pause=60", start_new_session=True)
    wait_until(lambda: logged(log, "train") != [])
    send(process, number)
    code, output = finish(process)
    assert code == 128 + number, output
    assert output.splitlines()[1:] == ["stopped: 0 of 3 cells are finished; the same command resumes with the others"]
    assert list(out.rglob("failed.json")) == []
    assert leftovers(out) == []
    assert list(temporary(out).iterdir()) == []


def test_a_worker_alone_that_gets_a_signal_is_a_failed_cell(tmp_path: Path) -> None:
    out, log = tmp_path / "results", tmp_path / "log"
    process = start_bench(out, log, *ONE, "--set", "pause=1")
    wait_until(lambda: logged(log, "train") != [])
    (worker,) = workers_of(process.pid)
    os.kill(worker, signal.SIGTERM)
    code, output = finish(process)
    assert code == 1, output
    assert "2 done · 1 failed" in output
    (note,) = out.rglob("failed.json")
    assert '"the worker process ended by SIGTERM"' in note.read_text()


def test_what_nohup_keeps_alive_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = start_bench(
        tmp_path / "results", log, *ONE, "--set", "pause=0.5", start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    wait_until(lambda: logged(log, "train") != [])
    os.killpg(process.pid, signal.SIGHUP)
    code, output = finish(process)
    assert code == 0, output
    assert "3 done · 0 failed" in output


# Without processes


class Queue:
    """An engine whose jobs begin when a test says so."""

    def __init__(self, size: int = 100) -> None:
        self.size = size
        self.jobs: list[Job] = []
        self.begun: list[Cell] = []
        self.events: list[Event] = []
        self.withdrawals = 0
        self.on_submit: Callable[[], None] = lambda: None
        self.on_wait: Callable[[], None] = lambda: None

    @property
    def free(self) -> int:
        return self.size - len(self.jobs)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)
        self.on_submit()

    def wait(self, timeout: float) -> list[Event]:
        self.on_wait()
        events, self.events = self.events, []
        for event in events:
            if isinstance(event, (Finished, Failed)):
                self.jobs = [job for job in self.jobs if job.cell != event.cell]
        return events

    def withdraw(self) -> list[Cell]:
        self.withdrawals += 1
        waiting = [job.cell for job in self.jobs if job.cell not in self.begun]
        self.jobs = [job for job in self.jobs if job.cell in self.begun]
        return waiting

    def close(self) -> None:
        pass

    def begin(self, one: Cell) -> None:
        self.begun.append(one)
        self.events.append(Progressed(one, "train", 0, 10, Resources(0.0)))


class Told:
    """A campaign of some cells, and what it said."""

    def __init__(self, out: Path, engine: Queue) -> None:
        printed = console()
        printed.file = self._said = StringIO()
        self.display = LogDisplay(printed)
        self.store = Store(out)
        self.campaign = Campaign(self.store, engine, self.display)

    @property
    def lines(self) -> list[str]:
        return self._said.getvalue().splitlines()


CELLS = [cell(seed) for seed in range(6)]


def finished(one: Cell) -> Finished:
    return Finished(one, tuple(records_of(one)), Resources(1.0))


def failed(one: Cell) -> Failed:
    return Failed(one, "the worker process ended by SIGTERM", "", "train", Resources(1.0))


def test_finishing_takes_back_what_has_not_begun(tmp_path: Path) -> None:
    engine = Queue()
    told = Told(tmp_path, engine)
    turns = iter(range(100))
    running: list[tuple[int, int]] = []

    def wait() -> None:
        turn = next(turns)
        running.append((len(told.display.board.running), len(told.display.board.planned)))
        if turn == 0:
            engine.begin(CELLS[1])
        elif turn == 1:
            told.campaign.finish()
        elif turn == 2:
            # Others may have them at once.
            for one in CELLS[2:]:
                claim = told.store.claim(one)
                assert claim is not None
                claim.release()
            assert told.store.claim(CELLS[1]) is None
        elif turn == 4:
            engine.events.append(finished(CELLS[1]))

    engine.on_wait = wait
    outcome = told.campaign.run(CELLS)
    assert engine.withdrawals == 1
    assert (outcome.stopped, outcome.finished, outcome.failed, outcome.unseen) == (True, [CELLS[1]], [], 0)
    said = "warning: finishing 1 running cell and starting no others; Ctrl-C again stops at once"
    assert told.lines.count(said) == 1
    # Jobs in the queue do not count as running.
    assert running == [(0, 6), (1, 5), (1, 5), (1, 5), (1, 5)]
    assert leftovers(tmp_path) == []


def test_finishing_when_nothing_has_begun(tmp_path: Path) -> None:
    engine = Queue(3)
    told = Told(tmp_path, engine)
    engine.on_wait = told.campaign.finish
    outcome = told.campaign.run(CELLS)
    assert (outcome.stopped, outcome.finished, engine.jobs) == (True, [], [])
    assert told.lines == []


@pytest.mark.parametrize("how", ["finish", "stop"])
def test_submitting_ends_when_the_campaign_is_told_to_stop(tmp_path: Path, how: str) -> None:
    engine = Queue()
    told = Told(tmp_path, engine)
    submitted: list[int] = []

    def submit() -> None:
        submitted.append(len(engine.jobs))
        if len(engine.jobs) == 2:
            getattr(told.campaign, how)()

    engine.on_submit = submit
    outcome = told.campaign.run(CELLS)
    assert submitted == [1, 2]
    assert outcome.stopped
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("how", ["finish", "stop"])
def test_looking_at_cells_ends_when_the_campaign_is_told_to_stop(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Queue()
    told = Told(tmp_path, engine)
    looked: list[Cell] = []
    real = told.store.state

    def state(one: Cell) -> State:
        looked.append(one)
        if len(looked) == 2:
            getattr(told.campaign, how)()
        return real(one)

    monkeypatch.setattr(told.store, "state", state)
    outcome = told.campaign.run(CELLS)
    assert looked == CELLS[:2]
    assert engine.jobs == []
    assert (outcome.stopped, outcome.unseen) == (True, 4)


def test_ctrl_c_while_cells_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, looked = Store.state, []

    def state(store: Store, one: Cell) -> State:
        looked.append(one)
        if len(looked) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(store, one)

    monkeypatch.setattr(Store, "state", state)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    request = Request(("fake",), ("Fake-Walk-v0",), "smoke", (0, 1, 2, 3), plugins=("fakes",))
    code = bench(Options(request, tmp_path / "out", EngineChoice(jobs=1)), lambda records, page: page)
    assert code == 130
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == (
        "stopped: 0 of 4 cells are finished, 2 have not been looked at; the same command resumes with the others"
    )
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def test_of_a_stopped_campaign_results_count_and_failures_do_not(tmp_path: Path) -> None:
    """What stops it may have ended workers as well; a result is one all the same."""
    engine = Queue()
    told = Told(tmp_path, engine)

    def wait() -> None:
        told.campaign.stop()
        engine.events += [failed(CELLS[0]), finished(CELLS[1])]

    engine.on_wait = wait
    outcome = told.campaign.run(CELLS[:3])
    assert (outcome.stopped, outcome.finished, outcome.failed) == (True, [CELLS[1]], [])
    assert told.store.state(CELLS[0]) is State.OPEN
    assert told.store.state(CELLS[1]) is State.FINISHED
    assert leftovers(tmp_path) == []


# What an engine need not keep


def test_a_job_is_made_anew_from_what_the_store_has(tmp_path: Path) -> None:
    engine = Queue()
    told = Told(tmp_path, engine)
    one = CELLS[0]
    files = train(one, lambda steps: None)
    renewed: list[Job] = []

    def wait() -> None:
        (job,) = engine.jobs
        assert job.bare() == Job(one, checkpoint_seconds=job.checkpoint_seconds, planned=terms_of(one))
        # A process elsewhere gets the job, and not the way to what this one keeps.
        assert pickle.loads(pickle.dumps(job)).renew is None
        claim = told.campaign._claims[one.path]
        assert job.renewed().policy is None
        told.campaign._handle(Checkpointed(one, {"part": b"1"}))
        claim.keep_policy(files)
        renewed.append(job.renewed())
        engine.events.append(finished(one))

    engine.on_wait = wait
    assert told.campaign.run([one]).finished == [one]
    (job,) = renewed
    assert job.policy == files
    assert job.checkpoint is None
    assert job.bare().policy is None
    assert job.bare().renewed().policy == files


def test_a_job_that_nobody_keeps_stays_as_it_is() -> None:
    job = Job(CELLS[0], {"policy": b"1"}, None)
    assert job.bare() is job
    assert job.renewed() is job
    assert pickle.loads(pickle.dumps(job)) == job
