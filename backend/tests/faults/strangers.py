"""Requests with which strangers try to cause a lot of work. Each request is complete,
but has no valid signature.
"""

import json

HOST = b"Host: localhost\r\n"
FORM = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=x"


def get(path: bytes, *headers: bytes) -> bytes:
    return (
        b"GET "
        + path
        + b" HTTP/1.1\r\n"
        + HOST
        + b"".join(header + b"\r\n" for header in headers)
        + b"\r\n"
    )


def post(path: bytes, body: bytes, media: bytes = b"application/json", *headers: bytes) -> bytes:
    lines = [b"Content-Type: " + media, b"Content-Length: %d" % len(body), *headers]
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n".join(lines) + b"\r\n\r\n" + body


def filled(pump: bytes, size: int, head: bytes = b"") -> bytes:
    return (head + pump * (size // len(pump) + 1))[:size]


def keys(size: int) -> bytes:
    members = b",".join(b'"%x":1' % number for number in range(size // 8))
    return b"{" + members[: size - 2].rpartition(b",")[0] + b"}"


def text(pump: str, size: int) -> bytes:
    return json.dumps({"title": "t", "content": pump * (size // len(json.dumps(pump)))}).encode()


PUMPS = [
    b"://",
    b"eyJ",
    b"a://b",
    b"eyJaaaaaaaa.b.",
    b"password=",
    b"password='",
    b"token%22:%22",
    b"bearer%20",
]
PUMPS += [
    b"%",
    b"%41",
    b"%01",
    b"%C3%A9",
    b"code=",
    b"sk_",
    b"$argon2",
    b"/",
    b"@",
    b"..%2f",
    b"%ED%A0%80",
]
PATHS = {
    f"path of {pump.decode()} {size // 1000} kB": get(filled(pump, size, b"/"))
    for pump in PUMPS
    for size in (15_900, 60_000)
}
QUERIES = {
    "14,500 parameters": get(b"/blog/posts?" + b"a=1&" * 14_500),
    "7,900 parameters": get(b"/blog/posts?" + b"a&" * 7_900),
    "199 unknown parameters": get(
        b"/blog/posts?" + b"&".join(b"a%d=%%41" % number for number in range(199))
    ),
    "a query of escapes": get(b"/blog/posts?author=" + b"%41" * 5_200),
    "a query of percent signs": get(b"/blog/posts?author=" + b"%" * 15_800),
    "a cursor of 15 kB": get(b"/blog/posts?cursor=" + b"A" * 15_800),
    "an offset of 5,000 digits": get(b"/blog/posts?offset=" + b"9" * 5_000),
    "an id of 15,000 digits": get(b"/blog/posts/" + b"9" * 15_000),
}
HEADERS = {
    "bearer of 60 kB": get(b"/auth/me", b"Authorization: Bearer " + b"a" * 60_000),
    "bearer of dots": get(b"/auth/me", b"Authorization: Bearer " + b"a." * 30_000),
    "bearer with a large head": get(
        b"/auth/me", b"Authorization: Bearer " + b"W1tb" * 15_000 + b".a.b"
    ),
    "cookies that are quoted": get(b"/auth/me", b'Cookie: a="' + b"\\" * 15_800 + b'"'),
    "60 kB of quoted cookies": get(b"/auth/me", b'Cookie: a="' + b"\\" * 60_000 + b'"'),
    "8,000 cookies": get(b"/auth/me", b"Cookie: " + b"a;" * 7_900),
    "8,000 cookies of health": get(b"/health/live", b"Cookie: " + b"a;" * 7_900),
    "tags without end": get(b"/blog/posts", b"If-None-Match: " + b"," * 60_000),
    "weak tags": get(b"/blog/posts", b"If-None-Match: " + b"W/" * 30_000),
    "forwarded 10,000 times": get(b"/auth/me", b"X-Forwarded-For: " + b"1.2.3." * 10_000),
    "a request id of 60 kB": get(b"/auth/me", b"X-Request-ID: " + b"a" * 60_000),
    "an origin of 60 kB": get(b"/auth/me", b"Origin: https://" + b"a." * 30_000),
    "languages": get(
        b"/auth/me", b"Accept-Language: " + b"a;q=0.1," * 7_500, b"Range: bytes=" + b"0-," * 400
    ),
    "1,800 headers": get(b"/auth/me", *[b"a: b"] * 1_800),
    "60,000 headers": get(b"/auth/me", *[b"a:"] * 60_000),
    "a host of 60 kB": get(b"/auth/me").replace(b"localhost", b"[" + b"a:" * 30_000),
    "a type of 60 kB": post(b"/auth/token", b"", b'multipart/form-data; a="' + b";" * 60_000),
    "an idempotency key of 60 kB": post(
        b"/auth/register", b"{}", b"application/json", b"Idempotency-Key: " + b"a" * 60_000
    ),
    "a signature of 60 kB": post(
        b"/payments/webhook",
        b"{}",
        b"application/json",
        b"Stripe-Signature: " + b"t=1,v1=a," * 6_000,
    ),
}
BODIES = {
    "keys of 16 kB": post(b"/auth/verify-email", keys(16_000)),
    "keys of 930 kB": post(b"/auth/verify-email", keys(930_000)),
    "keys of 255 kB": post(b"/payments/checkout", keys(255_000)),
    "keys of 930 kB for a post": post(b"/blog/posts", keys(930_000)),
    "2,000 keys for a post": post(
        b"/blog/posts", b"{" + b",".join(b'"%d":1' % n for n in range(1_990)) + b"}"
    ),
    "a list with a large number": post(
        b"/blog/posts", b"[" + b"1," * 400_000 + b"9999999999999999999]"
    ),
    "a long list": post(b"/auth/verify-email", b"[" + b"1," * 7_900 + b"1]"),
    "empty strings": post(b"/blog/posts", b"[" + b'"",' * 320_000 + b'""]'),
    "a deep list": post(b"/blog/posts", b"[" * 990_000),
    "a text of commas": post(b"/blog/posts", text(",", 990_000)),
    "a text of quotes": post(b"/blog/posts", text('"', 990_000)),
    "a text of backslashes": post(b"/blog/posts", text("\\", 990_000)),
    "a text of spaces": post(b"/blog/posts", text(" ", 990_000)),
    "a text of escapes": post(b"/blog/posts", text("é", 990_000)),
    "digits": post(b"/blog/posts", b"9" * 990_000),
    "a webhook without a signature": post(b"/payments/webhook", keys(990_000)),
    "a webhook with a wrong one": post(
        b"/payments/webhook", keys(990_000), b"application/json", b"Stripe-Signature: t=9,v1=a"
    ),
    "an e-mail of 320 letters": post(
        b"/auth/password/forgot", json.dumps({"email": "a@" + "\ufdfa" * 318}).encode()
    ),
    "a form of fields": post(b"/auth/token", filled(b"a&", 16_000), FORM),
    "a form of signs": post(b"/auth/token", filled(b"&", 16_000), FORM),
    "a form of escapes": post(b"/auth/token", filled(b"%", 16_000, b"a="), FORM),
    "a form of 930 kB": post(b"/auth/token", filled(b"a=1&", 930_000), FORM),
    "a form of parts": post(
        b"/auth/token",
        filled(b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n', 16_000),
        MULTIPART,
    ),
}
