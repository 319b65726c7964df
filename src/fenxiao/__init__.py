"""Fenxiao (分销): an open-source distribution system with exact, explainable multi-level commission."""

__version__ = "0.1.0"
