"""What a task or an algorithm must be to be registered: whatever else would only be found out much later."""

from __future__ import annotations

from robust_gym.registering.algorithms import check_class, check_fields, check_name
from robust_gym.registering.changes import changes
from robust_gym.registering.tasks import check_names, check_task

__all__ = ["changes", "check_class", "check_fields", "check_name", "check_names", "check_task"]
