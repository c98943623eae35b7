//! Django, Flask, FastAPI, and what else speaks WSGI or ASGI.

use super::proposal::{CodeFolder, Recipe, is_secret, quoted, quoted_after};

/// A project of Django.
pub(super) fn django(folder: &CodeFolder) -> Option<Recipe> {
    let manage = folder.text("manage.py");
    let settings = quoted_after(manage, "\"DJANGO_SETTINGS_MODULE\"")
        .chain(quoted_after(manage, "'DJANGO_SETTINGS_MODULE'"))
        .next()?;
    let project = settings.split('.').next()?;
    let mut recipe = Recipe::new("Django");
    let python = environment(folder, &mut recipe);
    serve(
        &mut recipe,
        folder,
        &python,
        &format!("{project}.wsgi"),
        false,
    );
    recipe.text("migrate", &format!("{python} manage.py migrate --no-input"));
    let text: String = folder
        .texts
        .iter()
        .filter(|(path, _)| path.starts_with(&format!("{project}/")) && path.contains("settings"))
        .map(|(_, text)| text.as_str())
        .collect();
    let mut answered = Vec::new();
    if let Some(name) = folder_of(&text, "STATIC_ROOT") {
        recipe.list(
            "build",
            &[&format!("{python} manage.py collectstatic --no-input")],
        );
        answered.extend(below(&text, "STATIC_URL =", "static/", name));
    } else {
        recipe.note("set STATIC_ROOT in the settings, then build with collectstatic and name the folder in web.static");
    }
    if let Some(name) = folder_of(&text, "MEDIA_ROOT") {
        recipe.list("persistent", &[name]);
        // Django itself answers with uploads in development alone.
        answered.extend(below(&text, "MEDIA_URL =", "media/", name));
    }
    if !answered.is_empty() {
        let answered = answered.join(", ");
        recipe.web.push(format!("static = {{ {answered} }}"));
    }
    // Wagtail's own names for them: what `manage.py` and `wsgi.py` take is for development.
    let production = format!("{project}.settings.production");
    if folder.has(&format!("{}.py", production.replace('.', "/"))) && settings != production {
        let line = format!("DJANGO_SETTINGS_MODULE = {}", quoted(&production));
        recipe.env.push(line);
    }
    recipe.note("ALLOWED_HOSTS must have the domain, which is in the environment as SITE_DOMAIN");
    recipe.note("DATABASES: name DATABASE_NAME, user DATABASE_USER, host DATABASE_SOCKET of the environment, and no password");
    secrets(folder, &mut recipe);
    Some(recipe)
}

/// The folder that has what is below the path that the settings say; nothing if that is the URL of
/// another host.
fn below(settings: &str, key: &str, otherwise: &str, folder: &str) -> Option<String> {
    let url = quoted_after(settings, key).next().unwrap_or(otherwise);
    let path = format!("/{}/", url.trim_matches('/'));
    (!url.contains("//")).then(|| format!("{} = {}", quoted(&path), quoted(folder)))
}

/// Anything else with an application object.
pub(super) fn other(folder: &CodeFolder) -> Option<Recipe> {
    let makers = [
        ("FastAPI", "FastAPI(", true),
        ("Starlette", "Starlette(", true),
        ("Flask", "Flask(__name__", false),
    ];
    let found = makers.iter().find_map(|(what, maker, asgi)| {
        let mut modules = folder
            .texts
            .iter()
            .filter(|(path, _)| path.ends_with(".py"));
        modules.find_map(|(path, text)| {
            let line = text.lines().find(|line| line.contains(maker))?;
            let name = line.split('=').next()?.split(':').next()?.trim();
            let module = path.trim_end_matches(".py").trim_end_matches("/__init__");
            let module = module.replace('/', ".");
            // What is indented is made by a function.
            let object = if line.starts_with(char::is_whitespace) {
                text.contains("def create_app(")
                    .then(|| format!("{module}:create_app()"))?
            } else {
                format!("{module}:{name}")
            };
            Some((*what, object, *asgi))
        })
    });
    let (what, object, asgi) = found?;
    let mut recipe = Recipe::new(what);
    let python = environment(folder, &mut recipe);
    serve(&mut recipe, folder, &python, &object, asgi);
    if folder.has("static/") && !asgi {
        recipe
            .web
            .push("static = { \"/static/\" = \"static\" }".to_owned());
    }
    secrets(folder, &mut recipe);
    Some(recipe)
}

/// Where the packages come from; gives the Python that has them.
fn environment(folder: &CodeFolder, recipe: &mut Recipe) -> String {
    if folder.has("requirements.txt") {
        return ".venv/bin/python".to_owned();
    }
    if folder.has("pyproject.toml") {
        recipe.note("app.python wants a file of requirements: `uv export --no-hashes`, `poetry export` or `pip freeze` writes one");
    }
    "python3".to_owned()
}

/// What of the index of Python is compiled where it is installed, and the packages of the distribution
/// that this takes besides a compiler.
const COMPILED: [(&str, &[&str]); 6] = [
    ("mysqlclient", &["default-libmysqlclient-dev", "pkg-config"]),
    ("mariadb", &["libmariadb-dev"]),
    ("psycopg2", &["libpq-dev"]),
    ("uwsgi", &[]),
    ("pycairo", &["libcairo2-dev", "pkg-config"]),
    ("python-ldap", &["libldap-dev", "libsasl2-dev"]),
];

/// Modules that apps are made of, and the packages of the distribution that have them.
const PACKAGED: [(&str, &[&str]); 8] = [
    // Its static files lead to those of the other.
    ("django", &["python3-django", "libjs-jquery"]),
    ("fastapi", &["python3-fastapi"]),
    ("flask", &["python3-flask"]),
    ("starlette", &["python3-starlette"]),
    ("jinja2", &["python3-jinja2"]),
    ("sqlalchemy", &["python3-sqlalchemy"]),
    ("pymysql", &["python3-pymysql"]),
    ("MySQLdb", &["python3-mysqldb"]),
];

/// Whether one of the requirements, in small letters, is this.
fn requires(requirements: &str, wanted: &str) -> bool {
    requirements.lines().any(|line| {
        let rest = line.trim_start().strip_prefix(wanted);
        rest.is_some_and(|rest| {
            !rest.starts_with(|c: char| c.is_alphanumeric() || "-_.".contains(c))
        })
    })
}

/// How it is served: by the server that the requirements have, or by that of the distribution.
fn serve(recipe: &mut Recipe, folder: &CodeFolder, python: &str, object: &str, asgi: bool) {
    let requirements = folder.text("requirements.txt").to_lowercase();
    let server = if asgi { "uvicorn" } else { "gunicorn" };
    let own = requires(&requirements, server);
    let venv = folder.has("requirements.txt");
    let compiled = COMPILED
        .iter()
        .filter(|(name, _)| requires(&requirements, name));
    let mut packages: Vec<&str> = compiled
        .flat_map(|(_, needs)| needs.iter().copied())
        .collect();
    if !packages.is_empty() {
        packages.extend(["build-essential", "python3-dev"]);
    }
    if !own {
        packages.push(server);
    }
    // Without requirements it has what the distribution has.
    if !venv {
        let imported = |module: &str| {
            let modules = folder
                .texts
                .iter()
                .filter(|(path, _)| path.ends_with(".py"));
            modules.flat_map(|(_, text)| text.lines()).any(|line| {
                let line = line.trim_start();
                [format!("import {module}"), format!("from {module}")]
                    .iter()
                    .any(|begin| line.starts_with(begin))
            })
        };
        let found = PACKAGED.iter().filter(|(module, _)| imported(module));
        packages.extend(found.flat_map(|(_, packages)| packages.iter().copied()));
        if folder
            .texts
            .values()
            .any(|text| text.contains("django.db.backends.mysql"))
        {
            packages.push("python3-mysqldb");
        }
    }
    packages.sort_unstable();
    packages.dedup();
    if !packages.is_empty() {
        recipe.list("packages", &packages);
    }
    if venv && own {
        recipe
            .app
            .push("python = { requirements = \"requirements.txt\" }".to_owned());
    } else if venv {
        recipe.app.push(
            "python = { requirements = \"requirements.txt\", system_packages = true }".to_owned(),
        );
    }
    let at = if asgi {
        "--host 127.0.0.1 --port ${PORT} --proxy-headers"
    } else {
        "--bind 127.0.0.1:${PORT} --workers 2"
    };
    let object = if object.ends_with(')') {
        format!("'{object}'")
    } else {
        object.to_owned()
    };
    recipe.text("command", &format!("{python} -m {server} {at} {object}"));
}

/// The folder that a setting of Django names, by the last text on its line.
fn folder_of<'a>(text: &'a str, setting: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| {
        let rest = line.strip_prefix(setting).unwrap_or("#");
        rest.trim_start().starts_with('=')
    })?;
    let name = line.rsplit(['"', '\'']).nth(1)?.trim_matches('/');
    let plain = !name.is_empty() && !name.contains("..") && !line.contains("environ");
    plain.then_some(name)
}

/// The secrets that the code looks for in its environment.
fn secrets(folder: &CodeFolder, recipe: &mut Recipe) {
    for text in folder
        .texts
        .iter()
        .filter(|(path, _)| path.ends_with(".py"))
    {
        let ways = ["environ[", "environ.get(", "getenv(", "env(", "config("];
        let names = ways.iter().flat_map(|way| quoted_after(text.1, way));
        recipe
            .secrets
            .extend(names.filter(|name| is_secret(name)).map(str::to_owned));
    }
}
