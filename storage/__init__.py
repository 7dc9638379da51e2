"""Adapters of the ports: SQL tables and repositories, Redis live state, migrations."""
