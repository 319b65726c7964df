"""The built-in roles: what each may do and whose rows it may see."""

from collections.abc import Iterable
from dataclasses import dataclass

ADMIN = "ROLE_ADMIN"
DISTRIBUTOR = "ROLE_DISTRIBUTOR"

_SCOPES = ("self", "team", "downline", "all")


@dataclass(frozen=True, slots=True)
class Role:
    """角色: a set of permissions with a data scope."""

    name: str
    permissions: frozenset[str]
    data_scope: str


BUILT_IN = {
    role.name: role
    for role in (
        Role(ADMIN, frozenset({"*"}), "all"),
        Role(
            DISTRIBUTOR,
            frozenset(
                {
                    "catalog:read",
                    "commission:read",
                    "distributors:read",
                    "orders:create",
                    "orders:read",
                    "reports:read",
                    "withdrawals:read",
                    "withdrawals:request",
                }
            ),
            "self",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account may do with all its roles together."""

    roles: tuple[str, ...]
    permissions: tuple[str, ...]
    data_scope: str


def rights(names: Iterable[str]) -> Rights:
    """The union of the permissions, the widest of the scopes; without a role, nothing and "self"."""
    held = [BUILT_IN[name] for name in sorted(set(names))]
    permissions = frozenset[str]().union(*(role.permissions for role in held))
    scope = max((role.data_scope for role in held), key=_SCOPES.index, default="self")
    return Rights(tuple(role.name for role in held), tuple(sorted(permissions)), scope)
