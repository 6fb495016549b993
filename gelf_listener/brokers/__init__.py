"""
Brokers: what an input and an output of the same broker have in common, and what all clients of brokers have.

Libraries of brokers are extras, so they are imported here and in the plug-ins only.
"""
