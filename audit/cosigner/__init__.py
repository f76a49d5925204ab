"""The witness service of a second appliance: it cosigns the checkpoints of other logs (C2SP tlog-witness).

It knows nothing of records, bodies or people: it sees sizes, roots and signatures.  Its one promise: it never cosigns a
smaller tree than before, nor two trees of one size, nor a tree that does not contain the one before.
"""
