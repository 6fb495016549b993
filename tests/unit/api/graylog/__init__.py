"""Unit tests of Graylog's routes; each asks a running service through the application."""
