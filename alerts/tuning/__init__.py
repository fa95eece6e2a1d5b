"""Answers an analyst needs before and after a rule changes: try, diff, score, sample, explain, apply, read in bulk.

Modules that a light command needs (`pool`, `bulk`, `misses`, `rulebook`, `scoring`) import no database.
"""
