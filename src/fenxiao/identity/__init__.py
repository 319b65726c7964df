"""用户与权限 — accounts, credentials, roles and permissions, tokens, the audit log.

Owns who may sign in and what each may do. Never knows what a distributor sells or who sponsors whom:
to it a distributor is an id that an account carries.
"""
