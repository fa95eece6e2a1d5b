"""Tests of the configuration: reading YAML with positions, sources, desks, settings, slots, URLs and the guard."""
