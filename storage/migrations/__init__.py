"""Alembic migrations, numbered; each is written by hand and compared with tables.py by a test."""
