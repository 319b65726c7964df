"""Decisions of identity: usernames and passwords, roles, login limits, the audit chain."""
