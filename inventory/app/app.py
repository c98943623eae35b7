"""The guestbook: three pages as a WSGI application.

GET /        the page; counts a visit
POST /       signs the guestbook, then leads back to the page
GET /healthz whether the app reaches its database
"""

import os
import sys
import time
from http import cookies
from urllib.parse import parse_qs

import database
import pages
import tokens

TITLE = os.environ.get("SITE_TITLE", "Guestbook")
DOMAIN = os.environ.get("SITE_DOMAIN", "localhost")
RELEASE = os.environ.get("RELEASE", "development")
SERVER = os.uname().nodename
KEY = tokens.load_key("SESSION_KEY")

MAX_BODY = 8192
ENTRIES = 20

SECURITY = [
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "same-origin"),
]


def application(environ, start_response):
    """Answers one request."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    try:
        if path == "/healthz":
            reply = health(method)
        elif path != "/":
            reply = problem("404 Not Found", "There is no such page.")
        elif method in ("GET", "HEAD"):
            reply = show(environ)
        elif method == "POST":
            reply = sign(environ)
        else:
            reply = problem("405 Method Not Allowed", "This page is read or signed.")
            reply[1].append(("Allow", "GET, HEAD, POST"))
    except database.Error as error:
        print(f"{method} {path}: {error}", file=sys.stderr, flush=True)
        reply = problem("503 Service Unavailable", "The guestbook is closed for a moment.")
        reply[1].append(("Retry-After", "5"))
    status, headers, text = reply
    body = text.encode()
    start_response(status, headers + SECURITY + [("Content-Length", str(len(body)))])
    return [] if method == "HEAD" else [body]


def health(method):
    """200 if the database takes a query, else 503 with the reason in one line."""
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    if method not in ("GET", "HEAD"):
        return "405 Method Not Allowed", headers + [("Allow", "GET, HEAD")], "read only\n"
    try:
        database.ping()
    except database.Error as error:
        return "503 Service Unavailable", headers, f"database: {error.args[-1]}\n"
    return "200 OK", headers, "ok\n"


def show(environ, status="200 OK", draft=None, message=None):
    """The page. A visit counts when it is asked for, not when a form comes back."""
    visitor, fresh = visitor_of(environ)
    count = environ["REQUEST_METHOD"] == "GET"
    seen = database.visit(ENTRIES, count)
    text = pages.guestbook(
        title=TITLE,
        domain=DOMAIN,
        release=RELEASE,
        server=SERVER,
        seen=seen,
        token=tokens.make(KEY, visitor, int(time.time())),
        draft=draft or pages.Draft("", ""),
        message=message,
    )
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
    if fresh:
        headers.append(("Set-Cookie", visitor_cookie(visitor, environ)))
    return status, headers, text


def sign(environ):
    """Takes a message, if the form came from this visitor's own page."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return problem("400 Bad Request", "The length of the form is no number.")
    if not 0 <= length <= MAX_BODY:
        return problem("413 Content Too Large", "That is more than a guestbook holds.")
    try:
        form = parse_qs(environ["wsgi.input"].read(length).decode(), max_num_fields=8)
    except ValueError:
        return problem("400 Bad Request", "The form could not be read.")
    draft, wrong = pages.read_draft(form)
    visitor, fresh = visitor_of(environ)
    token = form.get("token", [""])[0]
    if fresh or not tokens.check(KEY, visitor, token, int(time.time())):
        again = "The form had grown old. Here it is again, ready to be sent."
        return show(environ, "403 Forbidden", draft, again)
    if wrong:
        return show(environ, "422 Unprocessable Content", draft, wrong)
    database.sign(draft.name, draft.text)
    return "303 See Other", [("Location", "/#guestbook"), ("Cache-Control", "no-store")], ""


def problem(status, text):
    """A short page for what went wrong."""
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")]
    return status, headers, pages.problem(TITLE, RELEASE, status, text)


def visitor_of(environ):
    """The visitor's mark from its cookie, or a fresh one."""
    try:
        jar = cookies.SimpleCookie(environ.get("HTTP_COOKIE", ""))
        mark = jar["visitor"].value if "visitor" in jar else ""
    except cookies.CookieError:
        mark = ""
    return (mark, False) if tokens.is_mark(mark) else (tokens.new_mark(), True)


def visitor_cookie(mark, environ):
    """The cookie lasts as long as the browser's session."""
    secure = "; Secure" if environ.get("wsgi.url_scheme") == "https" else ""
    return f"visitor={mark}; Path=/; HttpOnly; SameSite=Lax{secure}"
