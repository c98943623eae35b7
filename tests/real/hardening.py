"""Requests as scanners send them, over sockets of their own: prints what is not as it should be."""

import json
import socket
import ssl

HOST = b"Host: foobar.com\r\nConnection: close\r\n"


def ask(data, port=443, name="foobar.com", version=None):
    """What comes back until the connection ends; "refused" without a handshake."""
    try:
        stream = socket.create_connection(("127.0.0.1", port), 5)
        if port == 443:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            if version:
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = version
            stream = context.wrap_socket(stream, server_hostname=name)
    except OSError:
        return b"refused"
    reply = b""
    with stream:
        try:
            stream.sendall(data)
        except ConnectionError:
            # It has said no before it has read everything; that can still be read.
            pass
        try:
            while part := stream.recv(65536):
                reply += part
        except ConnectionError:
            pass
        except TimeoutError:
            # It has said what it says, and lingers.
            return reply or b"HTTP/1.1 silence"
    return reply


def status(reply):
    if reply == b"refused" or not reply:
        return reply.decode() or "closed"
    return reply.split()[1].decode() if reply.startswith(b"HTTP/") else "a page without a status"


def get(path, more=b"", method=b"GET", version=b"HTTP/1.1"):
    return method + b" " + path + b" " + version + b"\r\n" + HOST + more + b"\r\n"


CASES = [
    # Names: which site a request is for.
    ("another Host", b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 443, "421"),
    ("no Host in HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n", 443, "421 200"),
    ("no Host in HTTP/1.1", b"GET / HTTP/1.1\r\n\r\n", 443, "400"),
    ("two Hosts", b"GET / HTTP/1.1\r\nHost: foobar.com\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 443, "400"),
    ("a Host with a slash", b"GET / HTTP/1.1\r\nHost: foobar.com/x\r\nConnection: close\r\n\r\n", 443, "400"),
    ("absolute, for another", get(b"https://evil.example/"), 443, "421"),
    ("HTTP/0.9", b"GET /\r\n", 80, "closed"),
    ("another Host, plain", b"GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 80, "closed"),
    ("no Host, plain", b"GET / HTTP/1.0\r\n\r\n", 80, "closed"),
    ("the server's numbers", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 80, "closed"),
    ("plain HTTP", get(b"/%0d%0aX-Injected:%20yes"), 80, "301"),
    ("plain HTTP on the port of TLS", get(b"/"), 4430, "400"),
    # Where a request ends: nothing is smuggled past Nginx.
    ("length and chunks", get(b"/", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"POST") + b"0\r\n\r\n", 443, "400"),
    ("two lengths", get(b"/", b"Content-Length: 0\r\nContent-Length: 5\r\n", b"POST"), 443, "400"),
    ("a length below zero", get(b"/", b"Content-Length: -1\r\n", b"POST"), 443, "400"),
    ("a length with a sign", get(b"/", b"Content-Length: +5\r\n", b"POST"), 443, "400"),
    ("a length that is none", get(b"/", b"Content-Length: five\r\n", b"POST"), 443, "400"),
    ("chunks, and something else", get(b"/", b"Transfer-Encoding: chunked, identity\r\n", b"POST"), 443, "400 501"),
    ("gzip as transfer", get(b"/", b"Transfer-Encoding: gzip\r\n", b"POST"), 443, "501"),
    ("a chunk without a size", get(b"/", b"Transfer-Encoding: chunked\r\n", b"POST") + b"zz\r\n", 443, "400"),
    ("too large", get(b"/", b"Content-Length: 99999999\r\n", b"POST"), 443, "413"),
    ("a folded header", get(b"/", b"X-One: 1\r\n 2\r\n"), 443, "400"),
    ("a blank before the colon", get(b"/", b"Content-Length : 5\r\n"), 443, "400"),
    ("a zero in a header", get(b"/", b"X-One: a\0b\r\n"), 443, "400"),
    ("a header of 64 KiB", get(b"/", b"X-One: " + b"x" * 65536 + b"\r\n"), 443, "400"),
    ("a path of 64 KiB", get(b"/" + b"x" * 65536), 443, "414"),
    # Methods and versions.
    ("TRACE", get(b"/", method=b"TRACE"), 443, "405"),
    ("CONNECT", get(b"foobar.com:443", method=b"CONNECT"), 443, "400 405"),
    ("a method in lower case", get(b"/", method=b"get"), 443, "400"),
    ("HTTP/9.9", get(b"/", version=b"HTTP/9.9"), 443, "505"),
    ("HTTP/2 without a word before", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 80, "closed 400 505"),
    ("nonsense", b"\x16\x03\x01\x00\x05hello\r\n\r\n", 80, "400"),
    # Paths.
    ("above the root", get(b"/../../etc/passwd"), 443, "400"),
    ("above the root, encoded", get(b"/static/%2e%2e/%2e%2e/etc/passwd"), 443, "400"),
    ("beside a folder of static files", get(b"/static/..%2fapp.py"), 443, "200 400 404"),
    ("what is no static file", get(b"/static/.foobar-stack-manifest"), 443, "404"),
    ("a list of static files", get(b"/static/"), 443, "403 404"),
    ("many ranges", get(b"/static/style.css", b"Range: bytes=" + b",".join([b"0-"] * 200) + b"\r\n"), 443, "200 206 416"),
    # The status of the server is for the server.
    ("the status, from outside its name", get(b"/stub_status"), 443, "200"),
]

CLAIMS = """Forwarded X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Port
X-Forwarded-Prefix X-Forwarded-Server X-Original-URL X-Rewrite-URL X-Real-IP X-Host X-Client-IP
True-Client-IP Remote-User Proxy TE X-Sendfile-Type X-Accel-Mapping""".split()


def told(request):
    """What the app was told of a request."""
    reply = ask(request)
    body = json.loads(reply.split(b"\r\n\r\n", 1)[1].split(b"\n", 1)[0])
    return {name.lower(): value for name, value in body["headers"]}


def problems():
    for what, data, port, wanted in CASES:
        if port == 4430:
            stream = socket.create_connection(("127.0.0.1", 443), 10)
            stream.sendall(data)
            reply = stream.recv(65536)
        else:
            reply = ask(data, port)
        if status(reply) not in wanted.split():
            yield f"{what}: {status(reply)}, not {wanted}: {reply[:200]}"
        if any(words in reply for words in (b"Welcome to nginx", b"\r\nX-Injected", b"import json", b"root:")):
            yield f"{what}: {reply[:300]}"
    old = ask(b"GET /\r\n")
    if b"421" not in old or b"Welcome" in old:
        yield f"HTTP/0.9: {old[:200]}"
    for what, name, version in [
        ("no name", None, None),
        ("another name", "evil.example", None),
        ("TLS 1.1", "foobar.com", ssl.TLSVersion.TLSv1_1),
    ]:
        if ask(get(b"/"), name=name, version=version) != b"refused":
            yield f"{what}: a handshake"

    claims = b"".join(name.encode() + b": evil.example\r\n" for name in CLAIMS)
    claims += b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    for line in [b"/echo", b"http://foobar.com/echo", b"https://foobar.com/echo"]:
        headers = told(b"GET " + line + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n" + claims + b"\r\n"
                       if line != b"/echo" else get(line, claims))
        evil = [name for name, value in headers.items() if "evil" in value]
        if evil or "upgrade" in headers or "http2-settings" in headers:
            yield f"{line}: {headers}"
        if headers.get("host") != "foobar.com" or headers.get("x-forwarded-host") != "foobar.com":
            yield f"{line}: {headers}"
    headers = told(b"GET /echo HTTP/1.1\r\nHost: foobar.com\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n")
    if (headers.get("upgrade"), headers.get("connection")) != ("websocket", "upgrade"):
        yield f"a WebSocket: {headers}"

    # The app closes each first connection of a method without a reply.
    again = [status(ask(get(b"/closes", b"Content-Length: 0\r\n", method))) for method in (b"GET", b"POST", b"POST")]
    if again != ["200", "502", "200"]:
        yield f"closed connections of a GET, and twice of a POST: {again}"


for problem in problems():
    print(problem)
