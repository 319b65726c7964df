"""Conditions (条件): typed trees over documented facts of an earner, checked when a plan is parsed.

Owns the fields a condition may ask about, their units, the tree, its texts and its form. Never gathers a
fact, and never takes a fact that is missing for 0. Adding a field: one class in `tree`, one row in `subjects`.
"""
