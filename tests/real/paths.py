"""Asks a site what its inventory says of single paths: prints what is not as it should be."""

import base64
import http.client
import json
import ssl
import threading

CONTEXT = ssl._create_unverified_context()
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"anna:correct horse").decode()}


class Connection(http.client.HTTPSConnection):
    """One to this server, whose certificate nobody knows, by the name of the site."""

    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = CONTEXT.wrap_socket(self.sock, server_hostname="foobar.com")


def start(path, headers=None, method="GET", body=None, source="127.0.0.1"):
    at = Connection("127.0.0.1", 443, timeout=15, source_address=(source, 0))
    at.request(method, path, body, {"Host": "foobar.com", **(headers or {})})
    return at.getresponse()


def ask(*what, **more):
    """The status, the headers by their names in lower case with all their values, the body."""
    response = start(*what, **more)
    headers = {}
    for name, value in response.getheaders():
        headers.setdefault(name.lower(), []).append(value)
    body = response.read().decode(errors="replace")
    return response.status, headers, body


def told(body):
    return json.loads(body)["headers"]


def check(what, found, wanted):
    if found != wanted:
        print(f"{what}: {found!r} instead of {wanted!r}")


def statuses(what, wanted, **more):
    for path, status in wanted.items():
        check(f"{what} {path}", ask(path, **more)[0], status)


def who_may_ask():
    shut = {"/admin/": 401, "/admin": 401, "//admin/x": 401, "/%61dmin/": 401, "/admin/events": 401}
    statuses("nobody", shut)
    statuses("a wrong password", shut, headers={"Authorization": "Basic YW5uYTp3cm9uZw=="})
    statuses("somebody unknown", shut, headers={"Authorization": "Basic Ym9iOmNvcnJlY3QgaG9yc2U="})
    statuses("anna", {"/admin/": 200, "/admin": 200}, headers=LOGIN)
    statuses("anna elsewhere", {"/admin/": 403, "/admin/open": 200}, headers=LOGIN, source="127.0.0.9")
    statuses("everyone", {"/admin/open": 200, "/administration": 200, "/": 200})
    statuses("steps", {"/x/../admin/": 400, "/admin/..%2fx": 400, "/x/%2e%2e/admin/": 400, "/x?y=/../z": 200})
    status, headers, body = ask("/admin/", headers=LOGIN | {"Upgrade": "websocket", "Connection": "upgrade"})
    check("what the app is told of a password", told(body).get("authorization"), None)
    check("what it is told of a WebSocket", told(body).get("upgrade"), "websocket")
    check("X-Frame-Options", headers["x-frame-options"], ["DENY"])
    check("a password elsewhere", told(ask("/", headers=LOGIN)[2]).get("authorization"), LOGIN["Authorization"])


def where_clients_are():
    claims = {"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}
    believed = told(ask("/", headers={"X-Forwarded-For": "192.0.2.1, 198.51.100.7"}, source="127.0.0.2")[2])
    check("behind a proxy", believed.get("x-forwarded-for"), "198.51.100.7")
    check("behind a proxy", believed.get("x-real-ip"), "198.51.100.7")
    check("what others claim", told(ask("/", headers=claims)[2]).get("x-forwarded-for"), "127.0.0.1")
    check("anna behind a proxy", ask("/admin/", headers=LOGIN | {"X-Forwarded-For": "198.51.100.7"}, source="127.0.0.2")[0], 200)
    check("not from there", ask("/admin/", headers=LOGIN | {"X-Forwarded-For": "198.51.100.8"}, source="127.0.0.2")[0], 403)


def what_is_elsewhere():
    for path, status, location in [
        ("/old?x=1", 301, "https://foobar.com/new?x=1"),
        ("/moved/a%20b/c?x=1", 308, "https://foobar.com/new/a%20b/c?x=1"),
        ("/moved", 308, "https://foobar.com/new/"),
        ("//moved//a", 308, "https://foobar.com/new/"),
        ("/moved/%0d%0aSet-Cookie:x", 308, "https://foobar.com/new/%0d%0aSet-Cookie:x"),
    ]:
        found, headers, _ = ask(path)
        check(path, (found, headers.get("location")), (status, [location]))
        check(path, len(headers.get("strict-transport-security", [])), 1)


def what_is_limited():
    check("a small body", ask("/small/", method="POST", body=b"x" * 1000)[0], 200)
    check("a large body", ask("/small/", method="POST", body=b"x" * 2000)[0], 413)
    check("a slow answer", ask("/slow/")[0], 504)
    check("a rate", [ask("/rare")[0] for _ in range(5)], [200, 200, 200, 429, 429])
    of = lambda address: ask("/rare", headers={"X-Forwarded-For": address}, source="127.0.0.2")[0]
    network = [of(f"2001:db8::a:{last}") for last in range(1, 6)]
    check("a rate of a network of IPv6", network, [200, 200, 200, 429, 429])
    check("a rate of another network", of("2001:db8:0:1::a:1"), 200)
    for path, most in [("/two/wait", 2), ("/wait", 5)]:
        found = []
        threads = [threading.Thread(target=lambda: found.append(ask(path)[0])) for _ in range(8)]
        for thread in threads:
            thread.start()
        # Those above the limit are answered at once.
        for thread in threads:
            thread.join(0.0)
        while len([one for one in found if one == 429]) < 8 - most and any(t.is_alive() for t in threads):
            threading.Event().wait(0.05)
        check("somebody else meanwhile", ask("/", source="127.0.0.9")[0], 200)
        ask("/go", source="127.0.0.9")
        for thread in threads:
            thread.join()
        check(f"at the same time {path}", sorted(found), [200] * most + [429] * (8 - most))
        ask("/stop", source="127.0.0.9")


def one_by_one(what, *more, **words):
    response = start(*more, **words)
    for number in range(3):
        # It is there before the app is asked for the next one.
        line = response.readline()
        check(f"{what} {number}", line, f"data: {number}\n".encode())
        response.readline()
        ask("/next", source="127.0.0.9")
    check(what, response.read(), b"")


def what_travels_as_it_comes():
    events = {"Accept": "text/event-stream"}
    one_by_one("events", "/events", headers=events)
    one_by_one("events for a POST", "/events", headers=events, method="POST", body=b"{}")
    one_by_one("events behind a password", "/admin/events", headers=events | LOGIN)
    one_by_one("an export", "/export/")
    streams = [start("/events", headers=events) for _ in range(8)]
    check("event streams at the same time", [one.status for one in streams], [200] * 8)
    for _ in range(24):
        ask("/next", source="127.0.0.9")
    for stream in streams:
        stream.read()


def what_is_said_of_responses():
    status, headers, _ = ask("/cached/")
    check("a cache", (status, headers["cache-control"]), (200, ["public, max-age=3600"]))
    check("a cache", headers.get("expires"), None)
    check("the app's own", ask("/")[1]["cache-control"], ["private"])
    status, headers, body = ask("/raw/")
    check("a snippet", (status, headers["x-raw"], told(body).get("x-own")), (200, ["yes"], "raw"))
    check("with a snippet", told(body).get("x-forwarded-for"), "127.0.0.1")
    for path in ["/", "/admin/", "/cached/", "/raw/", "/static/style.css", "/static/none", "/events"]:
        headers = ask(path, method="HEAD" if path == "/" else "GET")[1] if path != "/events" else {}
        for name in ["strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy"]:
            check(f"{path} {name}", len(headers.get(name, [1])), 1)


def compression():
    for accept, used in [("br, gzip", ["br"]), ("gzip", ["gzip"]), ("identity", None)]:
        for path in ["/static/style.css", "/long"]:
            headers = ask(path, headers={"Accept-Encoding": accept})[1]
            check(f"{path} with {accept}", headers.get("content-encoding"), used)
            check(f"{path} with {accept}", headers.get("vary"), ["Accept-Encoding"])


def files():
    status, headers, body = ask("/static/style.css")
    check("a file", (status, headers["cache-control"]), (200, ["public, max-age=31536000, immutable"]))
    status, headers, page = ask("/static/orders/7")
    check("a page of an app in the browser", (status, page), (200, "<p>the app</p>\n"))
    check("its cache", headers["cache-control"], ["no-cache"])
    status, headers, _ = ask("/static/style.css", headers={"Range": "bytes=999999-"})
    check("no such part", status, 416)
    twice = {name: values for name, values in headers.items() if len(values) > 1}
    check("headers of it", twice, {})
    for name in ["strict-transport-security", "x-content-type-options"]:
        check(f"{name} of it", len(headers.get(name, [])), 1)


for one in [
    who_may_ask,
    where_clients_are,
    what_is_elsewhere,
    what_is_limited,
    what_travels_as_it_comes,
    what_is_said_of_responses,
    compression,
    files,
]:
    try:
        one()
    except Exception as error:
        print(f"{one.__name__}: {error!r}")
