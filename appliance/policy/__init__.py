"""Who may do what, as data under version control: the bundle, one pure `decide`, and the table that shows it all.

A request can only raise its protection: data class, threshold and downtime text come from here and never from
the caller.  What is asked (`decide`) and what is shown (`table`) are the same function, so they cannot disagree.
"""
