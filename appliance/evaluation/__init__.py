"""Measures the PHI guard, and stock Presidio beside it, on labelled sets: what was missed, what was wrong, how fast.

The scorer answers the question that counts for patient data, whether an identifier was removed, before the question
under which name.  Nothing here changes a decision, and nothing keeps or prints a text.
"""
