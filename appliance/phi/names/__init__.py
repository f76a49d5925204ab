"""Find names of people and places in text: two models that read differently, and words that both must leave alone.

Nothing here opens a socket, reads a file outside the models' folder and this package, or keeps text.
"""
