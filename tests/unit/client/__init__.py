"""The client of the terminal's commands."""
