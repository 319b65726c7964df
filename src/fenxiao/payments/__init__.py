"""支付渠道 — transfers to payees through channels, and what the channels say of them.

Owns transfers under their numbers, where they go (sealed, and forgotten after they end), every attempt, batch files
for the bank, and reconciliation. Never decides who is paid or how much, never touches a balance, and calls nobody
but the channels: whoever asks for a transfer hears of it by event.
"""
