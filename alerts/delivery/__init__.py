"""Deliveries: enqueue final bytes, and bring them to their target exactly once."""
