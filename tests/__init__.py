"""Tests. A package by this file: some distributions install a package `tests`, which would win over a bare folder."""
