//! Code of a framework, from `init` to a page that a browser shows, and to a second release of it.

use crate::page::visit;
use crate::server::{Server, Site};
use std::path::Path;
use std::process::Command;

/// What `django-admin startproject` makes, with the settings that a server asks for.
const DJANGO: [(&str, &str); 5] = [
    (
        "manage.py",
        r#"
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"#,
    ),
    ("shop/__init__.py", ""),
    (
        "shop/settings.py",
        r#"
import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = [os.environ["SITE_DOMAIN"], "127.0.0.1"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates",
    "DIRS": [BASE_DIR / "templates"],
    "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.mysql",
    "NAME": os.environ["DATABASE_NAME"],
    "USER": os.environ["DATABASE_USER"],
    "HOST": os.environ["DATABASE_SOCKET"],
}}
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "collected"
"#,
    ),
    (
        "shop/urls.py",
        r#"
from django.contrib import admin
from django.contrib.auth.models import User
from django.shortcuts import render
from django.urls import path

def index(request):
    return render(request, "index.html", {"users": User.objects.count()})

urlpatterns = [path("", index), path("admin/", admin.site.urls)]
"#,
    ),
    (
        "templates/index.html",
        "{% load static %}<link rel=\"stylesheet\" href=\"{% static 'admin/css/base.css' %}\">{{ users }} users",
    ),
];

pub(crate) fn a_framework_needs_no_more_than_init(server: &Server) {
    let site = server.site_with("django", |text| text);
    let code = site.folder.join("code");
    for (path, text) in DJANGO {
        site.write(&format!("code/{path}"), text);
    }
    site.write(
        "code/shop/wsgi.py",
        "import os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")\n\
         from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    );
    init(server, &site, &code);
    site.run(&["apply", "--yes", "--delete-many"]).exits(0);

    let page = visit(server, "https", None).map(|page| page.text);
    assert!(
        page.as_ref().is_ok_and(|text| text.contains("0 users")),
        "{page:?}"
    );
    let asked = |path: &str| {
        server.on(&format!(
            "curl --silent --insecure --connect-to ::127.0.0.1: --output /dev/null \
             --write-out '%{{http_code}} %{{content_type}}' https://foobar.com{path}"
        ))
    };
    assert_eq!(asked("/static/admin/css/base.css"), "200 text/css");
    assert_eq!(asked("/admin/login/"), "200 text/html; charset=utf-8");
    let command = ["run", "--", "python3", "manage.py", "check", "--deploy"];
    site.run(&command).exits(0);
    let add = "from django.contrib.auth.models import User; User.objects.create_user('one')";
    site.run(&["run", "--", "python3", "manage.py", "shell", "-c", add])
        .exits(0);
    site.run(&["plan"]).exits(0).says(&["No changes."]);

    site.write("code/templates/index.html", "{{ users }} user so far");
    site.run(&["apply", "--yes"]).exits(0);
    let page = visit(server, "https", None).map(|page| page.text);
    assert!(
        page.as_ref()
            .is_ok_and(|text| text.contains("1 user so far")),
        "{page:?}"
    );
    let engine = server.engine();
    server.on(&format!(
        "{engine} foobar --execute 'SHOW TABLES' --skip-column-names --batch | grep -E '^(auth|django)_' |
         sed 's/.*/DROP TABLE `&`;/; 1i SET FOREIGN_KEY_CHECKS = 0;' | {engine} foobar"
    ));
    server.converge();
}

/// The inventory that is written for the code, but for where the server is.
fn init(server: &Server, site: &Site, code: &Path) {
    let login = site.read("inventory.toml");
    let made = Command::new(env!("CARGO_BIN_EXE_foobar-stack"))
        .args(["init", "--domain=foobar.com", "inventory.toml"])
        .arg(format!("--ipv4={}", server.address))
        .arg("--app=.")
        .current_dir(code)
        .status();
    assert!(made.is_ok_and(|status| status.success()));
    let made = std::fs::read_to_string(code.join("inventory.toml")).unwrap_or_default();
    let _ = std::fs::remove_file(code.join("inventory.toml"));
    let lines = |key: &str| login.lines().find(|line| line.starts_with(key));
    let own: Vec<&str> = ["port = ", "identity_file = ", "host_key = "]
        .into_iter()
        .filter_map(lines)
        .collect();
    let text = made
        .replace("[site]", &format!("{}\n\n[site]", own.join("\n")))
        .replace("mode = \"acme\"", "mode = \"self-signed\"")
        .replace("source = \".\"", "source = \"code\"");
    site.write("inventory.toml", &text);
}
