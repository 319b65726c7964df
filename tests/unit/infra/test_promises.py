"""The hash by which a repeated request is known is one and the same, however its body was read."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from fenxiao.infra.http.headers import digest, once_of_plain

# What no body may hold: U+0000 and halves of characters; and only numbers that are written in one way.
TEXTS = st.text(st.characters(min_codepoint=1, exclude_categories=("Cs",)), max_size=8)
NUMBERS = st.integers(-(10**18), 10**18) | st.decimals(-1000, 1000, places=2).map(float)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.booleans())
@example({"quantity": 1, "a": 2}, True)
@example({"total_price": 1.5}, True)
@example({"buyer": "\x7f\n\u2028 王"}, False)
def test_a_plain_body_has_the_hash_of_its_meaning(body: dict[str, object], escaped: bool) -> None:
    sent = json.dumps(body, ensure_ascii=escaped).encode()
    spaced = json.dumps(dict(reversed(body.items())), indent=2).encode()
    promise = once_of_plain("account:1", b"key", "/api/orders", sent)
    assert promise.digest == digest("POST", "/api/orders", spaced)
