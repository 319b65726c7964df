"""Decisions of the catalogue: who gets stock, which batch serves whom, what a change of stock may do."""
