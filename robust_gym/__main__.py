"""``python -m robust_gym`` is ``robust-gym``."""

from robust_gym.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
