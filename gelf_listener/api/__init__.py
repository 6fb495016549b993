"""API: the web side of the listener."""
