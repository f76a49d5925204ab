"""How the trail's tables came to be, one numbered step after the other (Alembic).

Each step is frozen: it says what was made then, and never what `audit.store.schema` says today.  A step that moves
rows moves what is stored, tampered or not, so that `audit verify` finds afterwards whatever it would have found before.
"""
