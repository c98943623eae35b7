"""The stack by pyinfra: `pyinfra SERVER deploy.py`, with --dry for a plan.

The folder $TREE has the files of the stack at their places, and the code of the app in app/.
"""

import os
from pathlib import Path

from pyinfra.operations import apt, files, server, systemd
from pyinfra.operations.util import any_changed

TREE = Path(os.environ["TREE"])
RELEASE = "/srv/foobar/releases/" + os.environ["RELEASE"]
SECRET = "/etc/foobar-stack/secrets/foobar.SESSION_KEY"
TLS = "/etc/ssl/foobar-stack/foobar.com"


def put(below):
    """Puts the files of the tree that stand below this folder."""
    found = sorted(path for path in (TREE / below).rglob("*") if path.is_file())
    return [
        files.put(name=f"Put {path}", src=str(path), dest="/" + str(path.relative_to(TREE)),
                  mode="644", user="root", group="root")
        for path in found
    ]


def reload_if(done, service, **how):
    """Has a service that reads what has changed read it."""
    systemd.service(name=f"Reload {service}", service=service, running=True, _if=any_changed(*done), **how)


apt.packages(name="Packages", packages=os.environ["PACKAGES"].split(), no_recommends=True,
             update=True, cache_time=86400)
server.group(name="Group", group="foobar", system=True)
server.user(name="Account", user="foobar", group="foobar", system=True, shell="/usr/sbin/nologin",
            home="/var/lib/foobar", create_home=False, ensure_home=False)
files.directory(name="Folder of the app", path="/srv/foobar", user="root", group="foobar", mode="750")
files.directory(name="Releases", path="/srv/foobar/releases", user="root", group="root", mode="755")
files.directory(name="Certificates", path="/etc/ssl/foobar-stack", user="root", group="root", mode="755")
files.directory(name="Secrets", path="/etc/foobar-stack/secrets", user="root", group="root", mode="700")
server.shell(name="Secret", commands=[
    f"[ -e {SECRET} ] || (umask 077 && head -c 32 /dev/urandom | base64 -w 0 >{SECRET})"])
server.shell(name="Certificate", commands=[
    f"[ -e {TLS}.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
    "-days 825 -subj /CN=foobar.com -addext subjectAltName=DNS:foobar.com,DNS:www.foobar.com "
    f"-keyout {TLS}.key -out {TLS}.pem"])

units = put("etc/systemd")
database = put("etc/mysql")
kernel = put("etc/sysctl.d")
dns = put("etc/bind")
firewall = [
    files.put(name="Rules", src=str(TREE / "etc/nftables.conf"), dest="/etc/nftables.conf", mode="644")
]
put("var")
web = put("etc/nginx") + [
    files.link(name="Site", path="/etc/nginx/sites-enabled/foobar.com.conf",
               target="../sites-available/foobar.com.conf"),
    files.link(name="No default site", path="/etc/nginx/sites-enabled/default", present=False),
]
if (TREE / "srv/many").exists():
    files.sync(name="Many files", src=str(TREE / "srv/many"), dest="/srv/many", mode="644")
app = [
    files.sync(name="Code", src=str(TREE / "app"), dest=RELEASE, mode="644", dir_mode="755"),
    files.link(name="Current release", path="/srv/foobar/current", target=RELEASE),
]
server.shell(name="Nginx would take it", commands=["nginx -t"], _if=any_changed(*web))
server.shell(name="BIND would take it", commands=["named-checkconf -z"], _if=any_changed(*dns))

systemd.daemon_reload(name="systemd reads its units", _if=any_changed(*units))
reload_if(database, "mariadb", restarted=True)
server.shell(name="Database", commands=[
    "mariadb -e 'CREATE DATABASE IF NOT EXISTS foobar CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; "
    "CREATE USER IF NOT EXISTS foobar@localhost IDENTIFIED VIA unix_socket; "
    "GRANT ALL ON foobar.* TO foobar@localhost'"])
reload_if(kernel, "systemd-sysctl", restarted=True)
reload_if(firewall, "nftables", restarted=True, enabled=True)
reload_if(dns, "named", reloaded=True)
server.shell(name="Migration", commands=["systemctl start foobar-migrate"], _if=any_changed(*app))
systemd.service(name="App", service="foobar-app-blue.target", running=True, enabled=True)
reload_if(app, "foobar-app-blue.target", restarted=True)
reload_if(web, "nginx", reloaded=True)
server.shell(name="The page answers", commands=[
    "curl -sfk --retry 20 --retry-delay 1 --retry-all-errors --output /dev/null --resolve foobar.com:443:127.0.0.1 https://foobar.com/"])
