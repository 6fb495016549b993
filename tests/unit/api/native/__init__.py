"""Unit tests of the native routes; each asks a running service through the application."""
