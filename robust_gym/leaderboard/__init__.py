"""The leaderboard: a pure function of run records.

``load_records`` finds records, ``rank`` sorts them into tables, ``build`` writes the page.
"""

from robust_gym.leaderboard.boards import rank
from robust_gym.leaderboard.loading import load_records
from robust_gym.leaderboard.page import build

__all__ = ["build", "load_records", "rank"]
