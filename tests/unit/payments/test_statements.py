"""Statements as the channels write them, and what differs from the book."""

import pytest

from fenxiao.payments.channels.alipay import Alipay
from fenxiao.payments.channels.bank import Bank
from fenxiao.payments.channels.paypal import PayPal
from fenxiao.payments.channels.stripe import Stripe
from fenxiao.payments.channels.wechat import WeChat
from fenxiao.payments.domain.differences import Known, StatementLine, compare
from fenxiao.payments.domain.refusals import PayoutFileRefused

ONE, TWO = "a" * 32, "b" * 32
WECHAT = f"""记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号
`2026-03-15 12:00:00,`4200,`5000,`商家转账,`商家转账,`支出,`12.34,`100.00,`system,`佣金,`{ONE}
`2026-03-15 12:00:00,`4201,`5001,`交易,`交易,`收入,`99.00,`100.00,`system,`,`other
`2026-03-15 13:00:00,`4202,`5002,`商家转账,`商家转账退回,`收入,`1.00,`100.00,`system,`佣金,`{TWO}
资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额
`3,`2,`100.00,`1,`12.34
"""
ALIPAY = f"""#支付宝账务明细查询
#账号：[2088]
账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注
001\t,x\t,{ONE}\t,佣金,2026-03-15 12:00:00,wan***@example.com,0.00,-12.34,1.00,支付宝,转账,
002\t,x\t,T200P1,订单,2026-03-15 12:00:00,b,5.00,0.00,1.00,支付宝,在线支付,
#-----账务明细列表结束
"""
STRIPE = f"""id,Destination,Amount,Currency,Amount Reversed,payout_number (metadata)
tr_1,acct_1,12.34,cny,0.00,{ONE}
tr_2,acct_1,1.00,cny,1.00,{TWO}
tr_3,acct_1,7.00,cny,0.00,
"""
PAYPAL = f"""Payout Item ID,Transaction ID,Sender Item ID,Transaction Status,Amount,Currency
I1,T1,{ONE},SUCCESS,12.34,CNY
I2,T2,{TWO},RETURNED,1.00,CNY
I3,T3,none of ours,SUCCESS,2.00,CNY
"""
BANK = f"payout_number,currency,amount,status,reference\n{ONE},CNY,12.34,成功,4200\n{TWO},CNY,1.00,failed,\n"


@pytest.mark.parametrize(
    ("channel", "text", "encoding", "count"),
    [
        (WeChat, WECHAT, "utf-8-sig", 2),
        (Alipay, ALIPAY, "gb18030", 1),
        (Stripe, STRIPE, "utf-8", 2),
        (PayPal, PAYPAL, "utf-8", 2),
        (Bank, BANK, "utf-8", 2),
    ],
)
def test_a_statement_is_read(channel: type, text: str, encoding: str, count: int) -> None:
    reader = object.__new__(channel)
    lines = reader.read_statement(text.encode(encoding))
    assert len(lines) == count
    first = lines[0]
    assert (first.payout_number, first.amount_minor, first.currency, first.status) == (
        ONE,
        1234,
        "CNY",
        "paid",
    )
    assert first.reference
    assert [(one.payout_number, one.amount_minor, one.status) for one in lines[1:]] == [
        (TWO, 100, "failed")
    ] * (count - 1)
    with pytest.raises(PayoutFileRefused):
        reader.read_statement(b"a,b\n1,2\n")
    with pytest.raises(PayoutFileRefused):
        reader.read_statement(text.replace("12.34", "12.345").encode(encoding))


def line(number: str, amount: int = 100, status: str = "paid", at: int = 2) -> StatementLine:
    return StatementLine(line=at, payout_number=number, amount_minor=amount, currency="CNY", status=status)


def known(number: str, status: str = "paid") -> Known:
    return Known(payout_number=number, amount_minor=100, currency="CNY", status=status)


@pytest.mark.parametrize(
    ("lines", "here", "kinds"),
    [
        ([line(ONE)], [known(ONE)], []),
        ([], [known(ONE)], ["missing-there"]),
        ([line(ONE)], [], ["missing-here"]),
        ([line(ONE, 101)], [known(ONE)], ["amount-differs"]),
        ([line(ONE, 101, "failed")], [known(ONE)], ["amount-differs", "status-differs"]),
        ([line(ONE)], [known(ONE, "unknown")], ["status-differs"]),
        ([line(ONE), line(ONE)], [known(ONE)], ["paid-twice"]),
        ([line(ONE), line(ONE, status="failed")], [known(ONE)], ["status-differs"]),
        ([line(TWO), line(ONE)], [known(ONE)], ["missing-here"]),
    ],
)
def test_every_difference_is_listed(lines: list[StatementLine], here: list[Known], kinds: list[str]) -> None:
    by_number = {one.payout_number: one for one in here}
    found = compare(lines, by_number, [one for one in here if one.status == "paid"])
    assert [one.kind for one in found] == kinds
