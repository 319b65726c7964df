"""The channels of this server: by bank always, the others where they are configured."""

from pathlib import Path

from fenxiao.infra.settings import SettingsError
from fenxiao.kernel.clock import Clock
from fenxiao.payments.channels.alipay import Alipay
from fenxiao.payments.channels.bank import Bank
from fenxiao.payments.channels.channel import Channel
from fenxiao.payments.channels.paypal import PayPal
from fenxiao.payments.channels.settings import VARIABLE, load
from fenxiao.payments.channels.stripe import Stripe
from fenxiao.payments.channels.wechat import WeChat


def channels(path: Path | None, clock: Clock) -> dict[str, Channel]:
    """By name; SettingsError for a file or a key that cannot be used."""
    found = load(path)
    there: dict[str, Channel] = {"bank": Bank()}
    try:
        if found.wechat is not None:
            there["wechat"] = WeChat(found.wechat, clock)
        if found.alipay is not None:
            there["alipay"] = Alipay(found.alipay, clock)
    except ValueError as error:
        # Which one must do: the message of the library may quote the key.
        name = "alipay" if "wechat" in there or found.wechat is None else "wechat"
        message = f"{VARIABLE}: a key of [{name}] cannot be used; RSA keys are PEM of 2,048 bits or more, api_v3_key has 32 letters"
        raise SettingsError(message) from error
    if found.stripe is not None:
        there["stripe"] = Stripe(found.stripe, clock)
    if found.paypal is not None:
        there["paypal"] = PayPal(found.paypal, clock)
    return there
