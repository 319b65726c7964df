"""What must always hold of orders."""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from fenxiao.infra.wiring import Check, Finding
from fenxiao.orders.queries import checking
from fenxiao.orders.queries.checking import Fault
from fenxiao.orders.service.verifying import Verifying


def checks(verifying: Verifying) -> Sequence[Check]:
    """Amounts add up, refunds follow their rule, states follow their history, frozen facts are what they were."""
    questions: dict[str, Callable[[], AsyncIterator[Fault]]] = {
        "orders.arithmetic": partial(verifying.ask, checking.ARITHMETIC),
        "orders.seals": partial(verifying.ask, checking.SEALS),
        "orders.product_facts": verifying.facts,
        "orders.states": partial(verifying.ask, checking.STATES),
        "orders.refunds": verifying.refunds,
        "orders.holds": partial(verifying.ask, checking.HOLDS),
        "orders.upline": verifying.uplines,
        "orders.rules": verifying.stamps,
    }
    return [Check(name, partial(_findings, name, question)) for name, question in questions.items()]


async def _findings(name: str, question: Callable[[], AsyncIterator[Fault]]) -> AsyncIterator[Finding]:
    async for fault in question():
        yield Finding(check=name, subject=fault.subject, expected=fault.expected, found=fault.found)
