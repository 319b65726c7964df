"""Why the network declines."""

from fenxiao.kernel.errors import Conflict, Invalid, Refusal


class UnknownInviteCode(Invalid):
    """There is no active distributor with the invite code {invite_code}."""

    code = "invite-code-unknown"


class ExternalIdTaken(Conflict):
    """Another distributor has the external id {external_id}."""

    code = "external-id-taken"


class GradeMissing(Invalid):
    """There is no grade {grade}; create it first."""

    code = "grade-missing"


class GradeTaken(Conflict):
    """There is a grade {grade} or a grade of rank {rank} already."""

    code = "grade-taken"


class DirectSeller(Conflict):
    """Distributor {distributor_id} stands for direct sales; it has no sponsor and no grade."""

    code = "direct-seller"


class BindingProtected(Conflict):
    """The sponsor of distributor {distributor_id} is protected until {until}; send override_protection to change it all the same."""

    code = "binding-protected"


class TooManyRegistrations(Refusal):
    """Too many registrations from this address; try again in {retry_after} seconds."""

    code = "too-many-registrations"
    status = 429
