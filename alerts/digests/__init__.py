"""Digests: choose, compose, render."""
