"""What every test shares."""

from __future__ import annotations

import os

# No window, no GPU: tests run on bare machines.
os.environ.setdefault("MUJOCO_GL", "disable")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")
