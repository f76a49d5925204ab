"""The install medium: everything that a server without a network needs, in one signed folder.

`build` lays it out on a connected machine, `verify` proves it anywhere.  Nothing of this package runs where patients'
texts are; it MUST NOT be imported by a program that serves.
"""
