"""Rewards (奖励): granting what a period earned, taking back, the grades that follow, telling it, and proving it."""
