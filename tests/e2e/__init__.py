"""End-to-end tests: real sockets, real clients, real processes; one behaviour a file."""
