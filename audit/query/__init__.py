"""Answering questions from a trail: which events match, and what of them can be read without a private key.

Rows are not believed.  `candidates` narrows by SQL what may match, `reader` reads each candidate through its leaf, and
`matching` judges it on the leaf alone; a row that is no leaf raises FormatError instead of being shown.  An attacker
who owns the database can therefore hide a record from a question, as by deleting it, and `verify` finds that; they
cannot make a record answer a question that its leaf does not answer.

`topics` says what the questions with a name mean.
"""

from audit.query.entry import Entry, Found, Page, SealedBody
from audit.query.reader import Reader

__all__ = ["Entry", "Found", "Page", "Reader", "SealedBody"]
