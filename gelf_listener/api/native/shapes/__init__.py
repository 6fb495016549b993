"""Shapes: what the native routes answer with, for OpenAPI. The routes write the JSON themselves."""
