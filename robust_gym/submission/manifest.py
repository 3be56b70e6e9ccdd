"""What a submission says of itself, and how its files are called."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from robust_gym.bench.store import POLICY, RECORDS
from robust_gym.record import Name, Text

MANIFEST = "manifest.json"

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}"
_CELL = rf"(?P<cell>(?:{_PART}/){{4}}seed-(?:0|[1-9][0-9]{{0,18}}))"
_FILE = re.compile(rf"{_CELL}/(?:{RECORDS}|{POLICY}/{_PART}\.(?:json|safetensors))", re.ASCII)

ENTRY = r"^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"
"""``module:function``: what makes policies that are not ours."""


class SubmissionError(ValueError):
    """A submission that is refused as a whole; the message says why, in one line."""


class File(BaseModel):
    """What one file is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: int = Field(ge=0)


class Manifest(BaseModel):
    """What a submission says of itself.

    Attributes:
        format: Version of the format.
        name: Who submits, or what the method is called.
        contact: How to reach them.
        url: Where the method is described, or its code lies.
        note: Anything else.
        robust_gym: Version that packed it.
        protocol: Version of the protocol, the same for every record.
        policy_entry: ``module:function`` that makes the policies of the runs that come without a saved one; whoever
            verifies them installs the module by hand.
        files: Every other file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    name: Text | None = None
    contact: Text | None = None
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://\S+$")] | None = None
    note: Text | None = None
    robust_gym: Text
    protocol: Name
    policy_entry: Annotated[str, Field(max_length=200, pattern=ENTRY)] | None = None
    files: dict[Annotated[str, Field(max_length=600)], File] = Field(min_length=1)


def cell_of(name: str) -> str | None:
    """Return the cell that a file belongs to, as a path, or ``None`` where it is no file of a submission."""
    found = _FILE.fullmatch(name)
    return found["cell"] if found else None


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        SubmissionError: If it is none.
    """
    try:
        return Manifest.model_validate_json(content)
    except ValidationError as error:
        raise SubmissionError(f"{MANIFEST}, {_first(error)}") from None


def made_manifest(**fields: object) -> Manifest:
    """Make a manifest of what somebody has typed.

    Raises:
        SubmissionError: If a field cannot be what it is.
    """
    try:
        return Manifest.model_validate(fields)
    except ValidationError as error:
        field, colon, message = _first(error).partition(":")
        if field == "policy_entry":
            message = f" {fields[field]!r} is not written module:function"
        raise SubmissionError(f"--{field.replace('_', '-')}{colon}{message}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    # A stranger's key may hold anything, line ends and escapes included.
    field = ".".join(part if isinstance(part, str) and part.isprintable() else repr(part) for part in first["loc"])
    return f"{field[:100] or 'file'}: {first['msg']}"
