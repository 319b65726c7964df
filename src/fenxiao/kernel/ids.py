"""Typed identifiers. Each is a BIGINT in the database and an integer in JSON."""

from typing import NewType

AccountId = NewType("AccountId", int)
BatchId = NewType("BatchId", str)
CategoryId = NewType("CategoryId", int)
CommissionId = NewType("CommissionId", int)
DistributorId = NewType("DistributorId", int)
HoldId = NewType("HoldId", int)
LineId = NewType("LineId", int)
OrderId = NewType("OrderId", int)
PayoutAccountId = NewType("PayoutAccountId", int)
ProductId = NewType("ProductId", int)
RefundId = NewType("RefundId", int)
RuleId = NewType("RuleId", int)
RunId = NewType("RunId", int)
SettlementId = NewType("SettlementId", int)
SimulationId = NewType("SimulationId", int)
TagId = NewType("TagId", int)
TeamId = NewType("TeamId", int)
WithdrawalId = NewType("WithdrawalId", int)
