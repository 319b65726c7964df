"""Reads of this context: SQL in, frozen dataclasses out."""
