"""Who may go on now, who waits, and who is told to come back: places, the queue for them, and context length.

It protects the engine from load and the caller from waiting in vain; it never looks at what a request says.
"""
