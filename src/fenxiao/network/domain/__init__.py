"""Decisions of the network: who may stand below whom, how a call of new members is arranged, what is masked."""
