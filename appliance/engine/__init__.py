"""The inference engine as the gateway sees it: what to send, how to read the answer, whether it can answer.

vLLM runs as another process in its own environment; nothing here imports it.  `profiles` and `process` say how
it is started, `messages` what it may be asked, `client` how, and `condition` whether it is fit to be asked.
"""
