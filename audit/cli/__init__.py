"""The `audit` commands, one a file: they translate and print, and decide nothing about the trail."""
