"""The file of the channels: what is missing or unknown is named, and nothing of a secret is said."""

from pathlib import Path

import pytest
from tests.fakes.alipay import Alipay
from tests.fakes.wechat import WeChat
from tests.fakes.wires import private_pem

from fenxiao.infra.settings import SettingsError
from fenxiao.payments.channels.configured import channels
from fenxiao.payments.channels.settings import load
from fenxiao.payments.channels.signing import is_signed, private_key, signed

CLOCK = lambda: None  # noqa: E731 - nobody asks for the time here
STRIPE = '[stripe]\nurl = "https://api.stripe.com"\nsecret_key = "sk_1"\nwebhook_secret = "whsec_1"\n'


def file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "channels.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_a_file_there_is_the_bank_alone(tmp_path: Path) -> None:
    assert list(channels(None, CLOCK)) == ["bank"]
    text = WeChat().section() + Alipay().section().replace("http:", "https:") + STRIPE
    assert sorted(channels(file(tmp_path, text), CLOCK)) == ["alipay", "bank", "stripe", "wechat"]


def test_keys_may_lie_in_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("whsec_2")
    text = STRIPE.replace('webhook_secret = "whsec_1"', 'webhook_secret_file = "secret"')
    found = load(file(tmp_path, text)).stripe
    assert found is not None
    assert found.webhook_secret == "whsec_2"
    assert "whsec_2" not in repr(found)
    assert "sk_1" not in repr(found)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "TOML"),
        ("[visa]\n", "no channel visa"),
        ("stripe = 1\n", r"\[stripe\]"),
        (STRIPE + "colour = 1\n", r"\[stripe\] has no colour"),
        (STRIPE.replace("secret_key", "#"), r"\[stripe\] needs secret_key"),
        (STRIPE.replace('"sk_1"', "1"), "stripe.secret_key must be a text"),
        (STRIPE.replace("https:", "http:"), "stripe.url must be"),
        (STRIPE.replace("stripe.com", "stripe.com/?a=1"), "stripe.url must be"),
        (STRIPE.replace("//", "//me:sk_secret@"), "stripe.url must be"),
        (STRIPE.replace("webhook_secret =", "webhook_secret_file ="), "webhook_secret_file"),
        (WeChat().section().replace("BEGIN", "begin"), r"a key of \[wechat\]"),
        (WeChat().section().replace("0123456789abcdef", "0"), r"a key of \[wechat\]"),
        (WeChat().section() + Alipay().section().replace("KEY", "K"), r"a key of \[alipay\]"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=says) as fault:
        channels(file(tmp_path, text), CLOCK)
    assert "FENXIAO_PAYOUT_CHANNELS" in str(fault.value)
    assert "sk_" not in str(fault.value)
    assert "MII" not in str(fault.value)


def test_a_file_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="chmod 600"):
        load(file(tmp_path, STRIPE, 0o644))
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_a_signature_is_that_of_its_key_and_its_message() -> None:
    key = private_key(private_pem("merchant"))
    other = private_key(private_pem("somebody"))
    signature = signed(key, b"message")
    assert is_signed(key.public_key(), b"message", signature)
    assert not is_signed(key.public_key(), b"massage", signature)
    assert not is_signed(other.public_key(), b"message", signature)
    assert not is_signed(key.public_key(), b"message", "no base64 at all")
