"""Patterns: the shapes that messages have, whatever numbers, names and ids they hold."""
