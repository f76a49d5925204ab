"""The steps, by number.  The number of the newest is `audit.store.schema.SCHEMA_VERSION`.

A file's name begins with ``r`` because a module's name cannot begin with a digit; its ``revision`` is the number.
Steps only go up: going back would lose what the newer release has written.
"""
