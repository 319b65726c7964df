"""通知 — outgoing webhooks, notices for administrators, and e-mail.

Owns who is told of an event, whether it has arrived, and what was tried. Never decides what an event means and never
changes anything elsewhere: it listens to all contexts and calls none.
"""
