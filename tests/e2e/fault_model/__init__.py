"""The fault model: random interleavings of faults on a real listener, and the law that it has to keep."""
