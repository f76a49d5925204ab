"""The one process from which anything may leave the building, and in this version nothing does.

It holds its own copy of the policy bundle and decides again by itself; the gateway's word opens nothing
(design section 2, promise 1; 45 CFR 164.502(e)).  Nobody imports it: it is reached over its socket.
"""
