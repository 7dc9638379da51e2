"""Tests of the conversation's room."""
