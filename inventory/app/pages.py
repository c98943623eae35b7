"""The pages as text. Everything that comes from outside is escaped here."""

from collections import namedtuple
from html import escape

NAME_LENGTH = 40
TEXT_LENGTH = 280

Draft = namedtuple("Draft", "name text")


def read_draft(form):
    """What the form says, and what is wrong with it, if anything."""
    name = " ".join(form.get("name", [""])[0].split())
    text = form.get("text", [""])[0].replace("\r\n", "\n").strip()
    draft = Draft(name, text)
    if not text:
        return draft, "A message needs some words."
    if len(name) > NAME_LENGTH:
        return draft, f"A name may have {NAME_LENGTH} characters; this one has {len(name)}."
    if len(text) > TEXT_LENGTH:
        return draft, f"A message may have {TEXT_LENGTH} characters; this one has {len(text)}."
    if any(ord(character) < 32 and character != "\n" for character in name + text):
        return draft, "The message has characters that cannot be shown."
    return Draft(name or "Anonymous", text), None


def ago(seconds):
    """A span of time in words."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = seconds // size
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def engine(version):
    """The database's name and number: `11.8.6-MariaDB-0+deb13u1` is `MariaDB 11.8.6`."""
    name = "MariaDB" if "mariadb" in version.lower() else "MySQL"
    return f"{name} {version.split('-')[0]}"


def hue(name):
    """One of eight colours, always the same for a name."""
    return sum(name.encode()) % 8


def guestbook(*, title, domain, release, server, seen, token, draft, message):
    """The one page."""
    main = f"""
<header class="hero">
  <p class="eyebrow"><span class="dot"></span>served by {escape(server)}</p>
  <h1>{escape(title)}</h1>
  <p class="lead">You asked for {escape(domain)} and this page came back: through the name
    server, the web server, the app and the database, all on one machine.</p>
  <ol class="path" aria-label="The way of this request">
    <li><b>DNS</b><span>{escape(domain)}</span></li>
    <li><b>Web</b><span>Nginx</span></li>
    <li><b>App</b><span title="{escape(release)}">{escape(short(release))}</span></li>
    <li><b>Data</b><span title="{escape(seen.version)}">{escape(engine(seen.version))}</span></li>
  </ol>
</header>

<section class="numbers" aria-label="Numbers">
  <div><strong>{seen.total:,}</strong><span>{plural(seen.total, "visit")}</span></div>
  <div><strong>{seen.today:,}</strong><span>today</span></div>
  <div><strong>{seen.total_entries:,}</strong><span>{plural(seen.total_entries, "message")}</span></div>
</section>

<section id="guestbook" class="book" aria-labelledby="book-title">
  <div class="write">
    <h2 id="book-title">Sign the guestbook</h2>
    {notice(message)}
    <form method="post" action="/">
      <input type="hidden" name="token" value="{escape(token)}">
      <label for="name">Name <small>if you like</small></label>
      <input id="name" name="name" maxlength="{NAME_LENGTH}" autocomplete="nickname" value="{escape(draft.name)}">
      <label for="text">Message</label>
      <textarea id="text" name="text" maxlength="{TEXT_LENGTH}" rows="4" required>
{escape(draft.text)}</textarea>
      <button>Leave a message</button>
    </form>
  </div>
  <div class="read">
    <h2>Latest messages</h2>
    {entries(seen.entries)}
  </div>
</section>
"""
    return frame(title, release, main)


def entries(items):
    """The messages, newest first."""
    if not items:
        return '<p class="empty">Nobody has written yet. The first page is yours.</p>'
    return "<ul>" + "".join(map(entry, items)) + "</ul>"


def entry(item):
    initial = escape(item.name[:1].upper())
    return f"""
      <li>
        <span class="face hue-{hue(item.name)}" aria-hidden="true">{initial}</span>
        <div>
          <p class="who"><b>{escape(item.name)}</b> <small>{ago(item.seconds)}</small></p>
          <p class="words">{escape(item.text)}</p>
        </div>
      </li>"""


def notice(message):
    return f'<p class="notice" role="alert">{escape(message)}</p>' if message else ""


def problem(title, release, status, text):
    """A page for what went wrong."""
    code, _, reason = status.partition(" ")
    main = f"""
<header class="hero problem">
  <p class="eyebrow">{escape(code)} · {escape(reason)}</p>
  <h1>{escape(text)}</h1>
  <p class="lead"><a href="/">To the guestbook</a></p>
</header>
"""
    return frame(title, release, main)


def frame(title, release, main):
    """What all pages have in common. The release in their URL renews the static files."""
    version = escape(short(release))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" href="/static/favicon.svg?v={version}" type="image/svg+xml">
<link rel="stylesheet" href="/static/style.css?v={version}">
</head>
<body>
<main>{main}</main>
<footer>Release <code>{escape(release)}</code></footer>
</body>
</html>
"""


def short(release):
    return release[:12]


def plural(count, word):
    return word if count == 1 else word + "s"
