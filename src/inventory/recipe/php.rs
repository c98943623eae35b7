//! PHP: Laravel, WordPress, and scripts of one's own.

use super::proposal::{CodeFolder, Recipe};

/// What PHP-FPM needs; each instance listens where it is told.
const FPM: &str = "[global]\nerror_log = syslog\n\n[www]\nlisten = ${SOCKET}\npm = ondemand\npm.max_children = 10\nclear_env = no\ncatch_workers_output = yes\ndecorate_workers_output = no\n";

/// A configuration of WordPress without anything that is a server's own.
const WP_CONFIG: &str = include_str!("wp-config.php");

/// Laravel wants folders below that of its data, which is empty at first.
const MIGRATE: &str = "sh -c 'mkdir -p storage/app storage/logs storage/framework/cache/data storage/framework/sessions storage/framework/views && php artisan migrate --force'";

/// What has scripts of PHP.
pub(super) fn recipe(folder: &CodeFolder) -> Option<Recipe> {
    let wordpress = folder.has("wp-includes/") || folder.has("wp-config-sample.php");
    let composer = folder.text("composer.json");
    let laravel = composer.contains("\"laravel/framework\"");
    let root = ["public/", "web/"]
        .into_iter()
        .find(|place| folder.has(&format!("{place}index.php")));
    if !wordpress && !laravel && root.is_none() && !folder.has("index.php") {
        return None;
    }
    let what = match (wordpress, laravel) {
        (true, _) => "WordPress",
        (_, true) => "Laravel",
        _ => "PHP",
    };
    // Where visitors see all of the code, they do not see what begins with a dot.
    let fpm = if root.is_some() {
        "php-fpm.conf"
    } else {
        ".php-fpm.conf"
    };
    let mut recipe = Recipe::new(what);
    let mut packages = vec![
        "php-fpm",
        "php-mysql",
        "php-mbstring",
        "php-xml",
        "php-curl",
    ];
    if wordpress {
        packages.extend(["php-gd", "php-zip", "php-intl"]);
    }
    if !composer.is_empty() {
        packages.extend(["composer", "unzip"]);
    }
    recipe.list("packages", &packages);
    if !composer.is_empty() {
        recipe.app.push("build = [".to_owned());
        if folder.has("composer.lock") {
            recipe.app.push("  { command = \"composer install --no-dev --no-interaction --no-autoloader --no-scripts\", from = [\"composer.json\", \"composer.lock\"], makes = [\"vendor\"] },".to_owned());
            recipe
                .app
                .push("  \"composer dump-autoload --no-dev --optimize\",".to_owned());
        } else {
            recipe.app.push(
                "  \"composer install --no-dev --no-interaction --optimize-autoloader\","
                    .to_owned(),
            );
        }
        recipe.app.push("]".to_owned());
    }
    recipe
        .text("protocol", "fastcgi")
        .text("listen", "socket")
        .text(
            "command",
            &format!("sh -c 'exec /usr/sbin/php-fpm8.* --nodaemonize --fpm-config {fpm}'"),
        );
    if let Some(root) = root {
        recipe.text("root", root.trim_end_matches('/'));
    }
    recipe.files.push((fpm, FPM));
    if wordpress {
        recipe.list("persistent", &["wp-content/uploads"]);
        recipe
            .web
            .push("# Before it is installed its first page leads to the installation.".to_owned());
        recipe
            .web
            .push("expect = { status = [200, 302] }".to_owned());
        if folder.has("wp-config.php") {
            recipe.note("wp-config.php: DB_NAME and DB_USER are DATABASE_NAME and DATABASE_USER of the environment, DB_PASSWORD is empty, DB_HOST is 'localhost:' followed by DATABASE_SOCKET");
        } else {
            recipe.files.push(("wp-config.php", WP_CONFIG));
            recipe.secrets.insert("SECRET_KEY".to_owned());
        }
        recipe.note(
            "plugins and themes are part of the code: WordPress cannot install any on the server",
        );
    }
    if laravel {
        recipe
            .text("migrate", MIGRATE)
            .list("persistent", &["storage"])
            .text("health", "/up");
        recipe.secrets.insert("APP_KEY".to_owned());
        recipe.note("DB_SOCKET, DB_DATABASE and DB_USERNAME are DATABASE_SOCKET, DATABASE_NAME and DATABASE_USER of the environment; APP_KEY is that of `php artisan key:generate --show`");
    }
    Some(recipe)
}
