"""Framing: where a message ends in a stream of bytes."""
