"""The store's model: random operations and faults on a store in a process, compared with the store in memory."""
