"""What callers may send, as pydantic models: the edge where wire formats become the appliance's own values.

Unknown fields are refused by name; nothing that a caller meant is silently ignored.
"""
