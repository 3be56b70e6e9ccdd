"""What every test shares."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Under nohup, programs that tests start would not hear of a terminal's end.
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# No window, no GPU: tests run on bare machines.
os.environ.setdefault("MUJOCO_GL", "disable")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# What one worker has compiled, the others and the processes they spawn need not.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "jax"))
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
