"""Collecting over real HTTP on loopback."""
