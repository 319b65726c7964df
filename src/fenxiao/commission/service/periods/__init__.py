"""Periods (周期): closing them, gathering what they rest on, booking what they pay, telling it, and proving it."""
