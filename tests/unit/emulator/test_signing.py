import pytest

from bot.emulator.keys import HmacProof, proof_of
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.signing import (
    Claim,
    check_signature,
    check_time,
    read_claim,
    rest_payload,
    socket_payloads,
)

OURS = "demo-secret-not-real-0001"
OFFICIAL = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
OFFICIAL_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
DIGITS = "\uff11\uff12\uff13\uff14\uff15\uff16"
NOW = 1_790_000_000_000


def claim(payload: bytes = b"", signature: str = "", timestamp_ms: float = NOW, window: float = 5_000) -> Claim:
    return Claim("key", (payload,), signature, timestamp_ms, window)


@pytest.mark.parametrize(
    ("secret", "query", "body", "digest"),
    [
        (OURS, "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.015&price=61250.50&newClientOrderId=kat-1&recvWindow=4000&timestamp=1790000000000", "",
         "cac365790ac54d386263ead2387e40d591b6146998a2e5a03b8c204ab86432e2"),
        (OURS, "symbol=%E6%B5%8B%E8%AF%95USDT&side=BUY&type=MARKET&quoteOrderQty=25&timestamp=1790000000000", "",
         "128088c60942d2d1b8f56483641af0c223857f39ee43587e2bc942d92dff379d"),
        (OURS, "symbol=BTCUSDT&side=SELL&type=LIMIT", "timeInForce=GTC&quantity=0.015&price=61250.50&timestamp=1790000000000",
         "0a2f1c7e859eaa74a5f897b121bb007d1346cf75eda2b7850a231c397a62d616"),
        (OFFICIAL, "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559", "",
         "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"),
        (OFFICIAL, "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559", "",
         "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3"),
    ],
)  # fmt: skip
def test_a_known_rest_signature_is_accepted_over_the_raw_bytes(secret: str, query: str, body: str, digest: str) -> None:
    for sent_query, sent_body in (
        (f"{query}&signature={digest}", body),
        (f"signature={digest}&{query}", body),
        (query, f"{body}&signature={digest}" if body else f"signature={digest}"),
    ):
        payload = rest_payload(sent_query.encode(), sent_body.encode())
        check_signature(claim(payload, digest.upper()), HmacProof(secret))
    with pytest.raises(ApiError) as refused:
        check_signature(claim(payload + b"0", digest), HmacProof(secret))
    assert (refused.value.status, refused.value.code) == (400, -1022)


@pytest.mark.parametrize(
    ("secret", "params", "digest"),
    [
        (OURS, {"type": "MARKET", "symbol": "测试USDT", "side": "BUY", "quoteOrderQty": "25", "timestamp": "1790000000000", "apiKey": "demo-key-not-real-0001"},
         "ff45340b682be14a7d97c163b9400324148ec0ed5a77f7b3594a41de09831b2e"),
        (OFFICIAL, {"apiKey": OFFICIAL_KEY, "price": "52000.00", "quantity": "0.01000000", "recvWindow": "100", "side": "SELL", "symbol": "BTCUSDT", "timeInForce": "GTC", "timestamp": "1645423376532", "type": "LIMIT"},
         "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (OFFICIAL, {"apiKey": OFFICIAL_KEY, "price": "0.10000000", "quantity": "1.00000000", "recvWindow": "5000", "side": "BUY", "symbol": DIGITS, "timeInForce": "GTC", "timestamp": "1645423376532", "type": "LIMIT"},
         "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd"),
    ],
)  # fmt: skip
def test_a_known_socket_signature_is_accepted_unencoded(secret: str, params: dict[str, str], digest: str) -> None:
    (payload,) = socket_payloads(params | {"signature": digest}, accepts_encoded=False)
    check_signature(claim(payload, digest), HmacProof(secret))


@pytest.mark.parametrize(
    ("age_ms", "text"),
    [(0, None), (5_000, None), (-999, None), (5_001, "outside of the recvWindow"), (-1_000, "1000ms ahead")],
)
def test_a_timestamp_is_held_against_the_window(age_ms: int, text: str | None) -> None:
    if text is None:
        check_time(claim(timestamp_ms=NOW - age_ms), NOW)
        return
    with pytest.raises(ApiError, match=text) as refused:
        check_time(claim(timestamp_ms=NOW - age_ms), NOW)
    assert refused.value.code == -1021


def test_microseconds_and_fractions_of_the_window_are_understood() -> None:
    params = Params({"timestamp": str(NOW * 1_000 + 500), "recvWindow": "100.5", "signature": "ab"})
    read = read_claim(params, "key", ())
    assert (read.timestamp_ms, read.recv_window_ms) == (NOW + 0.5, 100.5)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"signature": "a"}, -1102), ({"timestamp": "1"}, -1102), ({"timestamp": "x", "signature": "a"}, -1100),
        ({"timestamp": "1", "signature": "a", "recvWindow": "60001"}, -1131),
        ({"timestamp": "1", "signature": "a", "recvWindow": "1.2345"}, -1100),
        ({"timestamp": "1", "signature": "a", "recvWindow": "-1"}, -1100),
    ],
)  # fmt: skip
def test_what_a_signed_request_has_to_carry(values: dict[str, str], code: int) -> None:
    with pytest.raises(ApiError) as refused:
        read_claim(Params(values), "key", ())
    assert refused.value.code == code


def test_the_percent_encoded_form_of_the_official_sdk_is_accepted_when_allowed() -> None:
    params = {"symbol": "测试USDT", "side": "BUY"}
    plain, encoded = socket_payloads(params, accepts_encoded=True)
    assert (plain, encoded) == ("side=BUY&symbol=测试USDT".encode(), b"side=BUY&symbol=%E6%B5%8B%E8%AF%95USDT")
    assert socket_payloads({"side": "BUY"}, accepts_encoded=True) == (b"side=BUY",)


ED25519 = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (b"symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=0.015&price=61250.50&newClientOrderId=kat-1&recvWindow=4000&timestamp=1790000000000",
         "0HCVYk43hG+mGXY8RxLEwxIeQ9ljO8s47tUEGgrZYGrerc21VcpABJ5F4DpNH3J4RveDgtmQXcmlDeAnyPR5DA=="),
        (b"apiKey=demo-key-not-real-0001&timestamp=1790000000000",
         "YzHVepqkMLEHcUMdLfGRdlPXt7X03+Crxej0gK61buyL5Lyvh0a12nUprA8UmN4jnB8H/WIyn4vO/c6hxMPoBw=="),
    ],
)  # fmt: skip
def test_a_known_ed25519_signature_is_accepted_and_its_case_matters(payload: bytes, signature: str) -> None:
    proof = proof_of("", ED25519)
    check_signature(claim(payload, signature), proof)
    for wrong in (signature.lower(), signature[:-4], "not base64"):
        with pytest.raises(ApiError) as refused:
            check_signature(claim(payload, wrong), proof)
        assert refused.value.code == -1022
