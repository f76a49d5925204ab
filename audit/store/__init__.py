"""The database of the trail: one SQLite file, one writer, any number of readers."""
