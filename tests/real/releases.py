"""An app that answers all that the load asks, and can be made to fail in every way."""

import asyncio
import json
import os
import threading

VERSION = "none"
HEALTH = 200
STATUS = "ok"
DIES_AFTER = None

if DIES_AFTER == 0:
    raise SystemExit("this release does not live")
if DIES_AFTER:
    threading.Timer(DIES_AFTER, lambda: os._exit(3)).start()


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await websocket(receive, send)
    else:
        await http(scope, receive, send)


async def lifespan(receive, send):
    while True:
        kind = (await receive())["type"]
        await send({"type": kind + ".complete"})
        if kind == "lifespan.shutdown":
            return


async def websocket(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def http(scope, receive, send):
    read = 0
    while True:
        event = await receive()
        read += len(event.get("body", b""))
        if not event.get("more_body"):
            break
    status, body = 200, {"version": VERSION, "read": read}
    if scope["path"] == "/healthz":
        status, body = HEALTH, {"status": STATUS, "version": VERSION}
    elif scope["path"] == "/slow":
        await asyncio.sleep(2)
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
