"""The recorder: the one process that writes the trail, and the client that the gateway speaks to it with."""
