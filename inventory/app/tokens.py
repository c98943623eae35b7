"""Form tokens: a form is taken only from the visitor whose page it was on.

The token says when it was made and is signed together with the visitor's mark, which only
their browser has (a cookie). Another site can send neither.
"""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

LIFETIME = 12 * 3600
MARK = re.compile(r"[0-9a-f]{32}")
TOKEN = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


def load_key(name):
    """The secret `name` of the service; without one, a key for this process alone."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return (Path(folder) / name).read_bytes() if folder else secrets.token_bytes(32)


def new_mark():
    """A mark for a visitor who has none."""
    return secrets.token_hex(16)


def is_mark(text):
    """Whether the text can be a mark."""
    return MARK.fullmatch(text) is not None


def make(key, mark, now):
    """A token for the visitor's form, made at `now` (seconds)."""
    return f"{now}.{signature(key, mark, now)}"


def check(key, mark, token, now):
    """Whether the token was made for this visitor and is not too old."""
    parts = TOKEN.fullmatch(token)
    if not parts:
        return False
    made = int(parts[1])
    genuine = hmac.compare_digest(signature(key, mark, made), parts[2])
    return genuine and 0 <= now - made <= LIFETIME


def signature(key, mark, made):
    return hmac.new(key, f"form {mark} {made}".encode(), hashlib.sha256).hexdigest()
