"""The model on disk: what it must be, byte for byte, and how the embedded default is made."""
