"""The HTTPS surfaces: they translate a request into a `TaskRequest`, call `pipeline`, and translate back.

No surface decides anything, opens the engine or writes a record.  No message of this package holds input text.
"""
