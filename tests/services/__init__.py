"""Tests against real servers, each started once a session, on free ports and in a folder of its own."""
