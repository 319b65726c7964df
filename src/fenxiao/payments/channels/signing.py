"""RSA as WeChat Pay and Alipay want it: PKCS #1 v1.5 with SHA-256, in base64."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

MINIMUM_BITS = 2048


def private_key(pem: str) -> RSAPrivateKey:
    """A private key without a password; ValueError if it is none."""
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, RSAPrivateKey) or key.key_size < MINIMUM_BITS:
        raise ValueError
    return key


def public_key(pem: str) -> RSAPublicKey:
    """A public key, or that of a certificate; ValueError if it is none."""
    key = (
        load_pem_x509_certificate(pem.encode()).public_key()
        if "BEGIN CERTIFICATE" in pem
        else load_pem_public_key(pem.encode())
    )
    if not isinstance(key, RSAPublicKey) or key.key_size < MINIMUM_BITS:
        raise ValueError
    return key


def signed(key: RSAPrivateKey, message: bytes) -> str:
    """The signature."""
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether the signature is that of the key's owner."""
    try:
        given = base64.b64decode(signature, validate=True)
        key.verify(given, message, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def encrypted(key: RSAPublicKey, text: str) -> str:
    """A text that the key's owner alone reads: OAEP with SHA-1, as WeChat Pay wants it for names."""
    # The padding that the channel prescribes; nothing here rests on SHA-1 having no collisions.
    sha1 = hashes.SHA1()  # noqa: S303  # nosec B303
    oaep = padding.OAEP(mgf=padding.MGF1(sha1), algorithm=sha1, label=None)
    return base64.b64encode(key.encrypt(text.encode(), oaep)).decode()
