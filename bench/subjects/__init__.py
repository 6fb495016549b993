"""Subjects: what the bench compares. One file each, and the C-speed sink as the physical limit."""
