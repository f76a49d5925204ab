"""The log: the order of records, their durability, and how they are found again after a crash."""

from audit.log.sequence import Clocks, Log, Placed
from audit.log.submission import MonthKeys, Submission, epoch, submit, submit_all

__all__ = ["Clocks", "Log", "MonthKeys", "Placed", "Submission", "epoch", "submit", "submit_all"]
