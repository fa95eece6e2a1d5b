"""Alembic runs this file; what it does is said once, in crawler/archive/migrating.py."""

from alembic import context

from crawler.archive.migrating import run_environment

run_environment(context)
