"""An input and an output for gelf-listener that are not part of it."""
