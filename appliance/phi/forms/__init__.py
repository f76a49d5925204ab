"""Every way in which people write a known value: names, days, numbers, addresses, and where each of them may stand.

Nothing here guesses what an unknown word is; that is for `recognizers` and `names`.  Nothing here keeps a text.
"""
