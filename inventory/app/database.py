"""The guestbook's tables. Each thread keeps one connection and renews it when it is lost."""

import os
import threading
from collections import namedtuple

import pymysql

Error = pymysql.err.MySQLError

Entry = namedtuple("Entry", "name text seconds")
Seen = namedtuple("Seen", "entries total_entries today total version")

_mine = threading.local()


def connect(timeout=10):
    """A new connection, on which no statement takes more than `timeout` seconds.

    The socket knows the account: there is no password. Each statement stands for itself: a
    transaction that an idle connection leaves open would hold up every change of the tables.
    """
    return pymysql.connect(
        unix_socket=os.environ.get("DATABASE_SOCKET", "/run/mysqld/mysqld.sock"),
        user=os.environ.get("DATABASE_USER"),
        database=os.environ.get("DATABASE_NAME"),
        charset="utf8mb4",
        connect_timeout=3,
        read_timeout=timeout,
        write_timeout=timeout,
        autocommit=True,
    )


def connection():
    """This thread's connection, alive."""
    current = getattr(_mine, "connection", None)
    if current is None:
        current = _mine.connection = connect()
    else:
        current.ping(reconnect=True)
    return current


def ping():
    """Raises unless the tables can be read."""
    with connection().cursor() as cursor:
        cursor.execute("SELECT 1 FROM entries LIMIT 1")


def sign(name, text):
    """Adds an entry."""
    with connection().cursor() as cursor:
        cursor.execute("INSERT INTO entries (name, text) VALUES (%s, %s)", (name, text))


def visit(limit, count):
    """Counts a visit, if it counts, and reads what the page shows."""
    with connection().cursor() as cursor:
        if count:
            cursor.execute(
                "INSERT INTO visits (day, views) VALUES (UTC_DATE(), 1) "
                "ON DUPLICATE KEY UPDATE views = views + 1"
            )
        cursor.execute(
            "SELECT COALESCE(SUM(views), 0), COALESCE(SUM(IF(day = UTC_DATE(), views, 0)), 0), "
            "(SELECT COUNT(*) FROM entries), VERSION() FROM visits"
        )
        total, today, total_entries, version = cursor.fetchone()
        cursor.execute(
            "SELECT name, text, TIMESTAMPDIFF(SECOND, written, UTC_TIMESTAMP()) "
            "FROM entries ORDER BY id DESC LIMIT %s",
            (limit,),
        )
        entries = [Entry(*row) for row in cursor.fetchall()]
    return Seen(entries, int(total_entries), int(today), int(total), version)
