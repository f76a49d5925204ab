"""The log: the order of records, their durability, and how they are found again after a crash."""

from audit.log.clocks import Clocks
from audit.log.prover import stored_prover
from audit.log.sequence import Log, Placed
from audit.log.submission import MonthKeys, Submission, epoch, submit, submit_all

__all__ = ["Clocks", "Log", "MonthKeys", "Placed", "Submission", "epoch", "stored_prover", "submit", "submit_all"]
