"""The HTTP server that inputs share."""
