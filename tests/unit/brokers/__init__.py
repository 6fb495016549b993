"""Tests of what is common to inputs and outputs of brokers."""
