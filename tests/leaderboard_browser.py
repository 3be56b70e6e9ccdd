"""A headless Chromium for tests, driven through its DevTools pipe with the standard library alone."""

import fcntl
import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "Chromium is not installed (Debian: apt-get install chromium)"

_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
_ALARMS = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")


class Tab:
    """One tab.

    Attributes:
        alarms: Everything the page wrote to its console, was refused, or failed at.
        requests: Addresses that the page asked for.
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._rest, self._events, self._session = 0, b"", deque(), None
        self.alarms: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "DOM", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict:
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer)

    def open(self, file: Path, part: str = "") -> None:
        """Load a file and wait until it is there; ``part`` is what its address ends in."""
        # Another part of the same page would not load it again.
        for address in (*(["about:blank"] if part else []), file.resolve().as_uri() + part):
            self._events.clear()
            self.call("Page.navigate", url=address)
            while "Page.loadEventFired" not in self._events:
                self._note(self._read())

    def html(self) -> str:
        """Return the page as it is now."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        return self.call("DOM.getOuterHTML", nodeId=root)["outerHTML"]

    def value(self, expression: str) -> object:
        """Return the value of a JavaScript expression; of a promise, what it comes to."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, expression: str) -> None:
        """Click with the mouse on the element that an expression gives."""
        self.value(f"({expression}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = self.value(f"(({expression}).getBoundingClientRect()).toJSON()")
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def _note(self, message: dict) -> None:
        method = message.get("method", "")
        self._events.append(method)
        if method in _ALARMS:
            self.alarms.append(json.dumps(message["params"])[:500])
        if method == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])

    def _read(self) -> dict:
        while b"\0" not in self._rest:
            part = os.read(self._answers, 1 << 16)
            assert part, "the browser has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)


@contextmanager
def browser(profile: Path) -> Iterator[Tab]:
    """Start Chromium with a fresh profile, and end it afterwards."""
    # Chromium reads commands from descriptor 3 and writes answers to 4, where the shell puts the pipes' ends.
    read_commands, commands = os.pipe()
    answers, write_answers = os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (read_commands, write_answers)]
    connect = f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}'
    process = subprocess.Popen(
        ["bash", "-c", connect, "bash", str(CHROMIUM), *_OPTIONS, f"--user-data-dir={profile}"],
        stderr=subprocess.DEVNULL,
        pass_fds=theirs,
    )
    for end in (read_commands, write_answers, *theirs):
        os.close(end)
    try:
        tab = Tab(commands, answers)
        yield tab
        tab._session = None
        tab.call("Browser.close")
        process.wait(timeout=30)
    finally:
        process.kill()
        process.wait()
        os.close(commands)
        os.close(answers)
