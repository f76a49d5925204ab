"""Which route a draft comes from: measured evidence, a pure choice with its reasons, and the router that asks policy.

A route opens only on evidence for this task, this model digest and this prompt version; "not enough evidence" is a
state of its own and never a pass; no state of the engine opens a way out that policy does not permit.
"""
