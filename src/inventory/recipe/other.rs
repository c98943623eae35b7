//! Rails, programs that are compiled, and plain files.

use super::proposal::{CodeFolder, Recipe};

/// Rails, or what else Rack runs.
pub(super) fn ruby(folder: &CodeFolder) -> Option<Recipe> {
    let gems = folder.text("Gemfile");
    if gems.is_empty() || !folder.has("config.ru") {
        return None;
    }
    let rails = gems.contains("rails");
    let mut recipe = Recipe::new(if rails { "Rails" } else { "Ruby" });
    recipe.list(
        "packages",
        &[
            "ruby",
            "ruby-dev",
            "ruby-bundler",
            "build-essential",
            "libmariadb-dev",
            "libyaml-dev",
            "pkg-config",
        ],
    );
    recipe.app.push("build = [".to_owned());
    recipe.app.push("  { command = \"bundle install\", from = [\"Gemfile\", \"Gemfile.lock\"], makes = [\"vendor/bundle\"] },".to_owned());
    if rails {
        recipe
            .app
            .push("  \"bundle exec rails assets:precompile\",".to_owned());
    }
    recipe.app.push("]".to_owned());
    recipe
        .env
        .push("BUNDLE_PATH = \"vendor/bundle\"".to_owned());
    recipe.text("command", "bundle exec puma --bind tcp://127.0.0.1:${PORT}");
    if rails {
        recipe
            .text("migrate", "bundle exec rails db:migrate")
            .text("health", "/up")
            .list("persistent", &["storage"]);
        recipe.secrets.insert("SECRET_KEY_BASE".to_owned());
        recipe
            .web
            .push("static = { \"/assets/\" = \"public/assets\" }".to_owned());
        recipe.env.push("RAILS_ENV = \"production\"".to_owned());
        recipe.note("database.yml: socket, database and username are DATABASE_SOCKET, DATABASE_NAME and DATABASE_USER of the environment");
    }
    Some(recipe)
}

/// A module of Go.
pub(super) fn go(folder: &CodeFolder) -> Option<Recipe> {
    if !folder.has("go.mod") || !folder.has("main.go") {
        return None;
    }
    let mut recipe = Recipe::new("Go");
    recipe
        .list("packages", &["golang-go"])
        .list("build", &["go build -o serve ."])
        .text("command", "./serve");
    recipe.note("it must listen on the variable PORT of the environment, at 127.0.0.1");
    Some(recipe)
}

/// A package of Cargo.
pub(super) fn rust(folder: &CodeFolder) -> Option<Recipe> {
    let manifest: toml::Table = folder.text("Cargo.toml").parse().ok()?;
    let name = manifest.get("package")?.get("name")?.as_str()?;
    let mut recipe = Recipe::new("Rust");
    recipe
        .list("packages", &["cargo"])
        .list("build", &["cargo build --release --locked"])
        .text("command", &format!("target/release/{name}"));
    recipe.note("it must listen on the variable PORT of the environment, at 127.0.0.1");
    Some(recipe)
}

/// Pages as they are.
pub(super) fn files(folder: &CodeFolder) -> Option<Recipe> {
    let places = ["", "public/", "dist/", "build/", "_site/", "site/"];
    let place = places
        .into_iter()
        .find(|place| folder.has(&format!("{place}index.html")))?;
    let mut recipe = Recipe::new("plain files");
    recipe.database = false;
    recipe.text("protocol", "files");
    if !place.is_empty() {
        recipe.text("root", place.trim_end_matches('/'));
    }
    Some(recipe)
}
