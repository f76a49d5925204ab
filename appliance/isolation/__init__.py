"""Proof of isolation: programs that try to get out from inside every unit, and say so when one can.

`check` runs before a unit starts, inside its own sandbox; `verify` runs as root, joins each running unit and takes the
two layers (nftables by user, the cgroup's address filter by unit) one at a time.  What may be reached stands in
`expectations` and in the firewall's own list; whatever else answers is a finding.  Nothing here sends any content.
"""
