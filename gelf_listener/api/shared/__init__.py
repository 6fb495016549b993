"""Shared: what the listeners of one store know of each other, through the cluster that the store lies in."""
