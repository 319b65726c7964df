"""Money as integers of the minor unit, rates as rationals. No float comes near either.

An amount is an `int` of minor units (`50000` is 500.00 CNY) beside a currency code; a rate is a
`Fraction` (`1/10`). Rounding happens in the few functions below and nowhere else.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from typing import Literal

Rounding = Literal["half_up", "down"]
Rate = Fraction

# Minor units that are not 2, from ISO 4217 (list one, 2024-06-25).
_EXPONENTS = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    "CLF": 4,
    "UYW": 4,
}

_LISTED = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND
    BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU
    CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
    GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES
    KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD
    MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR
    PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD
    SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS
    UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF
    YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_LISTED.split())
"""The currencies of ISO 4217, list one; some that were withdrawn lately are still among them."""

MAX_DIGITS = 28
"""The precision of Python's decimal arithmetic."""

LIMIT_MINOR = 10**16
"""No single amount reaches this many minor units; it keeps every sum of a million of them inside BIGINT's neighbourhood."""


def exponent(currency: str) -> int:
    """How many decimals the currency has (ISO 4217): 2 for CNY, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def to_minor(amount: Decimal | int | str, currency: str) -> int:
    """The amount in minor units; ValueError if it is no number or has more decimals than the currency."""
    try:
        value = Decimal(amount)
    except InvalidOperation as error:
        message = "not an amount"
        raise ValueError(message) from error
    if not value.is_finite():
        message = "not an amount"
        raise ValueError(message)
    # Bounded before scaling: 1E+999999 would otherwise build a number of a million digits.
    if value and value.adjusted() > 16:  # noqa: PLR2004 - see LIMIT_MINOR
        message = "amount too large"
        raise ValueError(message)
    # Decimal arithmetic keeps 28 digits: a longer number would be rounded in silence by the next line.
    if len(value.as_tuple().digits) > MAX_DIGITS:
        message = "more decimals than the currency has"
        raise ValueError(message)
    scaled = value.scaleb(exponent(currency))
    if scaled != scaled.to_integral_value():
        message = "more decimals than the currency has"
        raise ValueError(message)
    minor = int(scaled)
    if abs(minor) >= LIMIT_MINOR:
        message = "amount too large"
        raise ValueError(message)
    return minor


@lru_cache(maxsize=65_536)
def from_minor(minor: int, currency: str) -> str:
    """The amount as a decimal string with the currency's decimals: 50000 CNY is "500.00"."""
    digits = exponent(currency)
    if digits == 0:
        return str(minor)
    sign, text = ("-" if minor < 0 else ""), str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def to_rate(text: str | int | Decimal) -> Rate:
    """A rate as an exact fraction: "0.055" is 11/200; ValueError if it is no finite decimal."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        message = "not a rate"
        raise ValueError(message) from error
    if not value.is_finite() or (value and not -12 <= value.adjusted() <= 12):  # noqa: PLR2004 - generous, but bounded
        message = "not a rate"
        raise ValueError(message)
    return Fraction(value)


def from_rate(rate: Rate) -> str:
    """The rate as a decimal string, at least two decimals: 1/10 is "0.10", 11/200 is "0.055"."""
    value = Decimal(rate.numerator) / Decimal(rate.denominator)
    text = f"{value:f}"
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def round_half_up(value: Fraction) -> int:
    """To the nearest integer, halves away from zero."""
    # In integers, because rationals compare and negate themselves many times as slowly.
    above, below = value.numerator, value.denominator
    if above >= 0:
        return (2 * above + below) // (2 * below)
    return -((below - 2 * above) // (2 * below))


def round_down(value: Fraction) -> int:
    """Towards zero."""
    above, below = value.numerator, value.denominator
    return above // below if above >= 0 else -(-above // below)


def part_down(rate: Rate, whole: int) -> int:
    """That part of a whole, towards zero: `round_down(rate * whole)`, without the rational in between."""
    above, below = rate.numerator * whole, rate.denominator
    return above // below if above >= 0 else -(-above // below)


def rounded(value: Fraction, rounding: Rounding) -> int:
    """One of the plan's two roundings."""
    return round_half_up(value) if rounding == "half_up" else round_down(value)


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a non-negative total by weight without losing a unit (largest remainder; ties: the earlier place).

    Each share is ⌊weight × total ÷ Σ weights⌋; what is missing to the total goes one unit each to the
    largest remainders. Weights are non-negative; if all are zero the total must be zero (ValueError).
    """
    if total < 0 or any(weight < 0 for weight in weights):
        message = "allocate takes a non-negative total and non-negative weights"
        raise ValueError(message)
    whole = sum(weights)
    if whole == 0:
        if total:
            message = "nothing to allocate to"
            raise ValueError(message)
        return [0] * len(weights)
    shares = [weight * total // whole for weight in weights]
    missing = total - sum(shares)
    if missing:
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(weights[i] * total % whole), i))
        for place in by_remainder[:missing]:
            shares[place] += 1
    return shares
