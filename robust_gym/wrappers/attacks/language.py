"""A language model as the adversary, over the OpenAI-compatible chat protocol."""

from __future__ import annotations

import json
import os
import re
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from robust_gym.disruption import DisruptionError
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.victim import Victim

LARGEST_REPLY = 64 * 1024
"""Bytes of a reply that are read at most; a longer one is refused."""

_HELD = 10
_TIMEOUT = 10.0
_SYSTEM = (
    "You test how robust a controller is. At each turn you get the readings of its sensors, the action that it would "
    "take, and how far each reading may be moved. Choose a perturbation that makes the controller fail. Reply with "
    "nothing but a JSON list of {count} numbers from -1 to 1: each is multiplied by the limit of its reading, and "
    "added to it."
)
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


class BadReplyError(ValueError):
    """A reply that is no perturbation; the message is one word for what is wrong with it."""


@dataclass(frozen=True)
class Endpoint:
    """Where the language model is.

    Attributes:
        url: Base URL, such as ``http://localhost:8000/v1``; ``/chat/completions`` is added.
        model: The model's name.
        key: Sent as a bearer token, and never shown; empty for none.
        timeout: Seconds after which a question is given up.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = _TIMEOUT

    def __post_init__(self) -> None:
        """Check the parts.

        Raises:
            DisruptionError: If one cannot be used; the key is never part of the message.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DisruptionError(
                f"ROBUST_GYM_LLM_URL must begin with http:// or https:// and name a host: {self.url!r}"
            )
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise DisruptionError("ROBUST_GYM_LLM_URL has no place for a password or a query; the key has a variable")
        if not self.model:
            raise DisruptionError("ROBUST_GYM_LLM_MODEL must name the model that is asked")
        if self.key and not re.fullmatch(r"[\x21-\x7e]+", self.key):
            raise DisruptionError("ROBUST_GYM_LLM_KEY must be printable ASCII characters without spaces")
        if not 0 < self.timeout <= 600:
            raise DisruptionError(f"ROBUST_GYM_LLM_TIMEOUT must be > 0 and <= 600 seconds, got {self.timeout}")

    @classmethod
    def from_environment(cls) -> Endpoint:
        """Read ROBUST_GYM_LLM_URL, _MODEL, _KEY and _TIMEOUT.

        Raises:
            DisruptionError: If the URL is missing, or something cannot be used.
        """
        values = {part: os.environ.get(f"ROBUST_GYM_LLM_{part}", "") for part in ("URL", "MODEL", "KEY", "TIMEOUT")}
        if not values["URL"]:
            raise DisruptionError(
                "the attack 'llm' asks a language model: set ROBUST_GYM_LLM_URL (such as http://localhost:8000/v1), "
                "ROBUST_GYM_LLM_MODEL and, where one is needed, ROBUST_GYM_LLM_KEY"
            )
        try:
            timeout = float(values["TIMEOUT"] or _TIMEOUT)
        except ValueError:
            raise DisruptionError(f"ROBUST_GYM_LLM_TIMEOUT is no number: {values['TIMEOUT']!r}") from None
        return cls(values["URL"].rstrip("/"), values["MODEL"], values["KEY"], timeout)

    def ask(self, messages: list[dict[str, str]], seed: int) -> str:
        """Ask for the next message.

        Raises:
            OSError: If the server cannot be reached, refuses, or takes too long.
            BadReplyError: If the reply is too long, or not of the protocol.
        """
        import http.client
        import urllib.request

        body = {"model": self.model, "messages": messages, "temperature": 0, "seed": seed}
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(
            f"{self.url}/chat/completions", json.dumps(body).encode(), headers, method="POST"
        )
        deadline = time.monotonic() + self.timeout
        try:
            with _opener().open(request, timeout=self.timeout) as reply:
                raw = _read(reply, deadline)
        except http.client.HTTPException as error:
            raise OSError(type(error).__name__) from error
        try:
            text = json.loads(raw)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError, RecursionError):
            raise BadReplyError("protocol") from None
        if not isinstance(text, str):
            raise BadReplyError("protocol")
        return text


def _opener() -> Any:
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """A redirect would hand the key to another server."""

        def redirect_request(self, *_: Any) -> None:
            return None

    return urllib.request.build_opener(NoRedirect)


def _read(reply: Any, deadline: float) -> bytes:
    """Read a reply that is neither too long nor, a few bytes at a time, too slow."""
    pieces, total = [], 0
    while piece := reply.read1(8192):
        pieces.append(piece)
        total += len(piece)
        if total > LARGEST_REPLY:
            raise BadReplyError("size")
        if time.monotonic() > deadline:
            raise TimeoutError("timed out")
    return b"".join(pieces)


def read_perturbation(text: str, count: int) -> np.ndarray:
    """Read a model's message: a JSON list of numbers, alone or in a fenced block.

    Args:
        text: The message.
        count: How many numbers there must be.

    Returns:
        ``[count]``, brought into [-1, 1].

    Raises:
        BadReplyError: If it is anything else, or a number is not finite.
    """
    fenced = _FENCE.match(text.strip())
    try:
        numbers = json.loads(fenced[1] if fenced else text)
    except (ValueError, RecursionError):
        raise BadReplyError("json") from None
    if not isinstance(numbers, list) or any(type(number) not in (int, float) for number in numbers):
        raise BadReplyError("json")
    if len(numbers) != count:
        raise BadReplyError("length")
    try:
        found = np.array(numbers, np.float64)
    except OverflowError:
        raise BadReplyError("finite") from None
    if not np.isfinite(found).all():
        raise BadReplyError("finite")
    return np.clip(found, -1.0, 1.0)


class LanguageModel:
    """Moves the observation as a language model says.

    While there is no good answer the observation stays true; `counts` says how often that was, and why.

    Args:
        signal: The signal.
        eps: Radius.
        budget: How many steps an answer is held before the next question; 10 by default.

    Attributes:
        counts: ``asked``, ``answered``, and for those not answered ``timeout``, ``unreachable``, ``http`` (an error
            status), ``size``, ``protocol``, ``json``, ``length`` or ``finite``.
    """

    channels = ("observation",)

    def __init__(self, signal: Signal, eps: float, budget: int) -> None:
        self._shape = signal.space.shape or ()
        self._size = int(np.prod(self._shape))
        self._radius = eps * signal.scale
        self._held = budget or _HELD
        self._seeds = np.zeros(signal.copies, np.int64)
        self._t = np.zeros(signal.copies, np.int64)
        self._place = np.zeros((signal.copies, *self._shape))
        self._victim: Victim | None = None
        self._endpoint: Endpoint | None = None
        self.counts: Counter[str] = Counter(asked=0, answered=0)

    def bind(self, victim: Victim) -> None:
        """Learn who is attacked, and where the language model is.

        Raises:
            DisruptionError: If the environment variables do not say so.
        """
        self._victim = victim
        self._endpoint = Endpoint.from_environment()

    def begin(self, copy: int, stream: Stream) -> None:
        """Begin with a question, and a seed for the model of its own."""
        self._seeds[copy] = stream().integers(2**31)
        self._t[copy] = 0

    def perturb(self, values: np.ndarray, observation: np.ndarray) -> np.ndarray:
        """Return the values, moved as the last good answer says."""
        asking = np.flatnonzero(self._t % self._held == 0)
        if len(asking):
            assert self._victim is not None, "bind() comes first"
            actions = self._victim.act(values[:, None])[:, 0]
            for copy in asking:
                self._place[copy] = self._answer(
                    values[copy], actions[copy], int(self._t[copy]), int(self._seeds[copy])
                )
        self._t += 1
        moved: np.ndarray = values + self._radius * self._place
        return moved

    def _answer(self, value: np.ndarray, action: np.ndarray, step: int, seed: int) -> np.ndarray:
        assert self._endpoint is not None
        question = {
            "step": step,
            "readings": [float(f"{number:.6g}") for number in value.ravel()],
            "limits": [float(f"{number:.6g}") for number in np.broadcast_to(self._radius, self._shape).ravel()],
            "action": np.round(action, 4).tolist(),
        }
        messages = [
            {"role": "system", "content": _SYSTEM.format(count=self._size)},
            {"role": "user", "content": json.dumps(question)},
        ]
        self.counts["asked"] += 1
        try:
            place = read_perturbation(self._endpoint.ask(messages, seed), self._size)
        except (OSError, BadReplyError) as error:
            reason = _reason(error)
            self.counts[reason] += 1
            host = urlsplit(self._endpoint.url).hostname
            warnings.warn(
                f"the language model at {host} gave no perturbation ({reason}); the observation stays true, and it is "
                'counted in info["adversary"]',
                RuntimeWarning,
                stacklevel=2,
            )
            return np.zeros(self._shape)
        self.counts["answered"] += 1
        return place.reshape(self._shape)


def _reason(error: Exception) -> str:
    """Return one word for why there is no answer."""
    import urllib.error

    if isinstance(error, BadReplyError):
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return "http"
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return "timeout" if isinstance(inner, TimeoutError) else "unreachable"
