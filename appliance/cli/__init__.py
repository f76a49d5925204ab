"""The `appliance` command: what the operator and the curious newcomer type.

One command a file; each exposes ``app``, a `typer.Typer`, and `root` puts them together.  Commands translate
and show; what they do lives below them, except the supervisor (`supervisor*`), which is the command `up`.
"""
