"""Signatures against known answers: the exchange's own samples, and vectors of several independent clients."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from bot.binance.signing import Credentials, Params, is_edwards, query_text, signed_params, signed_query, signer_for
from bot.domain.errors import Misconfigured

# Sample credentials printed in public documentation, and made-up ones: none is real.
OUR_KEY = "demo-key-not-real-0001"
OUR_SECRET = "demo-secret-not-real-0001"
DOC_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
DOC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
FUTURES_SECRET = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
FULL_WIDTH = "１２３４５６"

ORDER: Params = {
    "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.015",
    "price": "61250.50", "newClientOrderId": "kat-1", "recvWindow": 4000, "timestamp": 1790000000000,
}  # fmt: skip
NON_ASCII: Params = {
    "symbol": "测试USDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "25", "timestamp": 1790000000000,
}  # fmt: skip


def doc_order(symbol: str) -> Params:
    return {
        "symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": "0.1",
        "recvWindow": 5000, "timestamp": 1499827319559,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("secret", "params", "digest"),
    [
        (OUR_SECRET, ORDER, "cac365790ac54d386263ead2387e40d591b6146998a2e5a03b8c204ab86432e2"),
        (OUR_SECRET, NON_ASCII, "128088c60942d2d1b8f56483641af0c223857f39ee43587e2bc942d92dff379d"),
        (DOC_SECRET, doc_order("LTCBTC"), "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (DOC_SECRET, doc_order(FULL_WIDTH), "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
        (
            FUTURES_SECRET,
            {
                "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": 1, "price": 9000,
                "timeInForce": "GTC", "recvWindow": 5000, "timestamp": 1591702613943,
            },
            "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9",
        ),
    ],
)  # fmt: skip
def test_a_rest_request_is_signed_over_its_percent_encoded_text(secret: str, params: Params, digest: str) -> None:
    sign = signer_for(Credentials("key", secret))
    assert signed_query(params, sign) == f"{query_text(params)}&signature={digest}"


@pytest.mark.parametrize(
    ("key", "secret", "params", "digest"),
    [
        (OUR_KEY, OUR_SECRET, NON_ASCII, "ff45340b682be14a7d97c163b9400324148ec0ed5a77f7b3594a41de09831b2e"),
        (
            DOC_KEY,
            DOC_SECRET,
            {
                "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01000000",
                "price": "52000.00", "recvWindow": 100, "timestamp": 1645423376532,
            },
            "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24",
        ),
        (
            DOC_KEY,
            DOC_SECRET,
            {
                "symbol": FULL_WIDTH, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.00000000",
                "price": "0.10000000", "recvWindow": 5000, "timestamp": 1645423376532,
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)  # fmt: skip
def test_a_websocket_request_is_signed_over_its_sorted_raw_text(
    key: str, secret: str, params: Params, digest: str
) -> None:
    sign = signer_for(Credentials(key, secret))
    assert signed_params({**params, "apiKey": key}, sign)["signature"] == digest


def pem(key: object) -> str:
    assert hasattr(key, "private_bytes")
    text: bytes = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return text.decode()


def test_an_ed25519_key_signs_as_known_and_its_signature_is_percent_encoded_in_a_query() -> None:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    sign = signer_for(Credentials(OUR_KEY, pem(key)))
    known = "0HCVYk43hG+mGXY8RxLEwxIeQ9ljO8s47tUEGgrZYGrerc21VcpABJ5F4DpNH3J4RveDgtmQXcmlDeAnyPR5DA=="
    assert sign(query_text(ORDER).encode()) == known
    assert signed_query(ORDER, sign).endswith("&signature=" + known.replace("+", "%2B").replace("=", "%3D"))
    logon = signed_params({"timestamp": 1790000000000, "apiKey": OUR_KEY}, sign)
    assert logon["signature"] == (
        "YzHVepqkMLEHcUMdLfGRdlPXt7X03+Crxej0gK61buyL5Lyvh0a12nUprA8UmN4jnB8H/WIyn4vO/c6hxMPoBw=="
    )


def test_an_rsa_signature_verifies_with_the_public_key() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    payload = query_text(ORDER).encode()
    signature = base64.b64decode(signer_for(Credentials("key", pem(key)))(payload))
    key.public_key().verify(signature, payload, padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("secret", ["-----BEGIN PRIVATE KEY-----\nMIIE-broken\n-----END PRIVATE KEY-----", ""])
def test_a_broken_private_key_is_named_without_showing_it(secret: str) -> None:
    text = secret or pem(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(Misconfigured, match="the API secret is") as caught:
        signer_for(Credentials("key", text))
    assert text[30:50] not in str(caught.value)


def test_credentials_do_not_show_when_printed() -> None:
    credentials = Credentials("visible-key", "visible-secret")
    assert "visible" not in f"{credentials} {credentials!r} {[credentials]}"


def test_a_request_split_over_query_and_body_is_signed_over_both_without_a_separator() -> None:
    query = query_text({"symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT"})
    body = query_text({"timeInForce": "GTC", "quantity": "0.015", "price": "61250.50", "timestamp": 1790000000000})
    sign = signer_for(Credentials(OUR_KEY, OUR_SECRET))
    assert sign((query + body).encode()) == "0a2f1c7e859eaa74a5f897b121bb007d1346cf75eda2b7850a231c397a62d616"


def test_only_an_ed25519_key_may_log_on() -> None:
    assert not is_edwards(Credentials("key", "secret"))
    assert is_edwards(Credentials("key", pem(ed25519.Ed25519PrivateKey.generate())))
    rivest = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert not is_edwards(Credentials("key", pem(rivest)))
