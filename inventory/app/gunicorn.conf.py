"""Gunicorn's settings: threads, since the app mostly waits for its database."""

import multiprocessing

worker_class = "gthread"
workers = min(2, multiprocessing.cpu_count())
threads = 8
timeout = 60
graceful_timeout = 25
# A new connection for each request: on the loopback it costs next to nothing, and an idle one
# would hold up every restart until graceful_timeout is over (gunicorn 24 and later).
keepalive = 0
# Nginx writes the access log; what goes wrong goes to the journal.
accesslog = None
errorlog = "-"
# No max_requests: a worker that ends refuses what it has already accepted.
