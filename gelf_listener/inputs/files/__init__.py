"""Files that are followed: which there are, how far each was read, and where that is remembered. No event loop here."""
