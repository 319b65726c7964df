"""The HTTP wire: the application's frame, problems, authentication, exact numbers, and apis called from afar.

Knows no context. A context's `http.py` takes from here: `routing.router`, `fields` (Body, Answer, Amount …),
`headers` (Limit, Cursor, IfMatch, Idempotency, etag) and `auth` (Principal, Caller, require).
"""
