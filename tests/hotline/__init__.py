"""Tests of the front door: commands, settings, set-up, supervision."""
