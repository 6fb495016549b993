"""An input and an output for gelf-listener that are no part of it."""
