"""The language-model adversary against a local server that answers well, badly, late, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

import robust_gym
from robust_gym.disruption import DisruptionError
from robust_gym.wrappers import adversaries, bind
from robust_gym.wrappers.attacks.language import LARGEST_REPLY, BadReplyError, Endpoint, read_perturbation

KEY = "sk-do-not-show-me"
TASK = "Robust-Pendulum-v0"


class Server(ThreadingHTTPServer):
    """Answers chat requests as `answer` says, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Callable[[Handler], None] = lambda handler: handler.say("[0, 0, 0]")
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append({"path": self.path, **json.loads(body)})
        self.server.headers.append(dict(self.headers))
        self.server.answer(self)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def say(self, content: Any) -> None:
        self.send(200, json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    for name, value in {"URL": f"http://127.0.0.1:{made.server_port}/v1/", "MODEL": "stub", "KEY": KEY}.items():
        monkeypatch.setenv(f"ROBUST_GYM_LLM_{name}", value)
    monkeypatch.setenv("ROBUST_GYM_LLM_TIMEOUT", "5")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield made
    made.released.set()
    made.shutdown()
    made.server_close()
    thread.join()


class Still:
    """A policy that pushes with a known torque."""

    def act(self, observation: np.ndarray, state: Any, start: np.ndarray) -> tuple[np.ndarray, Any]:
        return np.full((len(observation), 1), 0.25, np.float32), state


def play(disruption: str = "obs:adversary:llm,0.1", steps: int = 0) -> tuple[np.ndarray, dict[str, Any], Any]:
    """Return how far the last of some observations was moved, the last info, and the environment."""
    plain = robust_gym.make(TASK)
    env = bind(robust_gym.make(TASK, disruption=disruption), Still())
    seen, info = env.reset(seed=5)
    true, _ = plain.reset(seed=5)
    for _ in range(steps):
        seen, _, _, _, info = env.step(np.zeros(1, np.float32))
        true, *_ = plain.step(np.zeros(1, np.float32))
    return seen - true, info, env


def scale() -> np.ndarray:
    measured: Any = robust_gym.registry.task(TASK).observation_scale
    return np.array(measured)


def test_a_good_answer_moves_the_observation_and_is_held(server: Server) -> None:
    server.answer = lambda handler: handler.say("```json\n[-0.5, 7, 0]\n```")
    moved, info, env = play("obs:adversary:llm,0.1,4", steps=3)
    assert info["adversary"] == {"llm": {"asked": 1, "answered": 1}}
    assert moved[2] == 0
    assert moved[0] == pytest.approx(-0.05 * scale()[0], rel=1e-3)  # the other may be clipped by the space
    env.step(np.zeros(1, np.float32))
    assert adversaries(env)[0].attack.counts == {"asked": 2, "answered": 2}


def test_what_is_asked(server: Server) -> None:
    play()
    (asked,), (headers,) = server.asked, server.headers
    assert asked["path"] == "/v1/chat/completions"
    assert asked["model"] == "stub"
    assert asked["temperature"] == 0
    assert headers["Authorization"] == f"Bearer {KEY}"
    question = json.loads(asked["messages"][1]["content"])
    assert question["limits"] == pytest.approx(0.1 * scale(), rel=1e-4)
    assert question["action"] == [0.25]
    assert len(question["readings"]) == 3
    assert "3 numbers" in asked["messages"][0]["content"]
    play()
    assert server.asked[1] == asked  # the same episode asks the same, seed included


def fail(status: int, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.send(status, KEY.encode(), **headers)


def hang(handler: Handler) -> None:
    handler.server.released.wait(10)


def drip(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.released.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return


def vanish(handler: Handler) -> None:
    handler.close_connection = True


BAD: dict[str, tuple[Callable[[Handler], None], str]] = {
    "no JSON": (lambda handler: handler.say("I would rather not."), "json"),
    "an object": (lambda handler: handler.say('{"a": 1}'), "json"),
    "words": (lambda handler: handler.say('["1", "2", "3"]'), "json"),
    "truth": (lambda handler: handler.say("[true, 0, 0]"), "json"),
    "nested": (lambda handler: handler.say("[" * 50_000), "json"),
    "too short": (lambda handler: handler.say("[0.1, 0.2]"), "length"),
    "too long": (lambda handler: handler.say("[0.1, 0.2, 0.3, 0.4]"), "length"),
    "NaN": (lambda handler: handler.say("[NaN, 0, 0]"), "finite"),
    "infinite": (lambda handler: handler.say("[1e999, 0, 0]"), "finite"),
    "a huge integer": (lambda handler: handler.say(f"[1{'0' * 400}, 0, 0]"), "finite"),
    "no text": (lambda handler: handler.say(None), "protocol"),
    "no choices": (lambda handler: handler.send(200, b'{"choices": []}'), "protocol"),
    "no protocol": (lambda handler: handler.send(200, b"<html>"), "protocol"),
    "not UTF-8": (lambda handler: handler.send(200, b"\xff\xfe\xfd"), "protocol"),
    "huge": (lambda handler: handler.say("[0, 0, 0]" + " " * LARGEST_REPLY), "size"),
    "error 500": (fail(500), "http"),
    "error 401": (fail(401), "http"),
    "a redirect": (fail(302, Location="http://127.0.0.1:9/elsewhere"), "http"),
    "silence": (hang, "timeout"),
    "a trickle": (drip, "timeout"),
    "hung up": (vanish, "unreachable"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_leaves_the_observation_true_and_is_counted(
    name: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer, reason = BAD[name]
    if reason == "timeout":
        monkeypatch.setenv("ROBUST_GYM_LLM_TIMEOUT", "0.1")
    with pytest.warns(RuntimeWarning, match=rf"127.0.0.1 gave no perturbation \({reason}\)") as caught:
        moved, info, _ = play()
    assert not moved.any()
    assert info["adversary"] == {"llm": {"asked": 1, "answered": 0, reason: 1}}
    assert KEY not in "".join(str(warning.message) for warning in caught)
    for _ in range(100):  # the server may hear of it after the client has given up
        if server.asked:
            break
        time.sleep(0.05)
    assert len(server.asked) == 1


def test_nobody_there(server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.warns(RuntimeWarning, match="unreachable"):
        moved, info, _ = play()
    assert not moved.any()
    assert info["adversary"]["llm"]["unreachable"] == 1


def test_the_next_question_may_be_answered(server: Server) -> None:
    answers = iter(["nothing", "[0, 0, 1]"])
    server.answer = lambda handler: handler.say(next(answers))
    with pytest.warns(RuntimeWarning, match="json"):
        moved, info, _ = play("obs:adversary:llm,0.1,1", steps=1)
    assert moved[2] == pytest.approx(0.1 * scale()[2], rel=1e-3)
    assert info["adversary"]["llm"] == {"asked": 2, "answered": 1, "json": 1}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("URL", "", "set ROBUST_GYM_LLM_URL"),
        ("URL", "file:///etc/passwd", "http:// or https://"),
        ("URL", "ftp://host/v1", "http:// or https://"),
        ("URL", "https://", "name a host"),
        ("URL", f"http://user:{KEY}@host/v1", "no place for a password"),
        ("MODEL", "", "must name the model"),
        ("KEY", f"{KEY}\nX-Other: 1", "printable ASCII"),
        ("TIMEOUT", "soon", "no number"),
        ("TIMEOUT", "0", "must be > 0"),
        ("TIMEOUT", "nan", "must be > 0"),
    ],
)
def test_bad_settings_are_said_without_the_key(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"ROBUST_GYM_LLM_{name}", value)
    with pytest.raises(DisruptionError, match=message) as raised:
        play()
    assert KEY not in str(raised.value)
    assert not server.asked


def test_the_key_is_never_shown() -> None:
    assert KEY not in repr(Endpoint("http://host/v1", "stub", KEY))


def test_numbers_are_brought_into_bounds() -> None:
    assert read_perturbation(" [2, -0.5, -9] ", 3) == pytest.approx([1.0, -0.5, -1.0])
    with pytest.raises(BadReplyError, match="length"):
        read_perturbation("[]", 3)


def test_it_attacks_observations_only() -> None:
    with pytest.raises(DisruptionError, match="does not act on the action channel"):
        robust_gym.make(TASK, disruption="action:adversary:llm,0.1")


def test_a_slow_server_is_given_up_in_time(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUST_GYM_LLM_TIMEOUT", "0.2")
    server.answer = drip
    before = time.monotonic()
    with pytest.warns(RuntimeWarning, match="timeout"):
        play()
    assert time.monotonic() - before < 5  # it would go on for ever
