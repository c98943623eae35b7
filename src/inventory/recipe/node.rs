//! Node: servers, Next.js, and pages that are built once.

use super::proposal::{CodeFolder, Recipe};
use serde_json::Value;

/// Tools that make a folder of plain files, and the folder.
const BUILDERS: [(&str, &str); 5] = [
    ("react-scripts", "build"),
    ("astro", "dist"),
    ("@11ty/eleventy", "_site"),
    ("gatsby", "public"),
    ("vite", "dist"),
];

/// What has a package.json.
pub(super) fn recipe(folder: &CodeFolder) -> Option<Recipe> {
    let package: Value = serde_json::from_str(folder.text("package.json")).ok()?;
    let script = |name: &str| package["scripts"][name].as_str();
    let depends = |name: &str| {
        ["dependencies", "devDependencies"]
            .iter()
            .any(|list| package[list].get(name).is_some())
    };
    let has_build = script("build").is_some();
    let start = script("start");
    if depends("next") {
        let mut recipe = Recipe::new("Next.js");
        build(&mut recipe, folder, &package, true);
        recipe.text(
            "command",
            "node_modules/.bin/next start --hostname 127.0.0.1 --port ${PORT}",
        );
        recipe.exclude("/.next");
        // A page that is still open finds the files of its own release, which the app has not any more.
        recipe
            .web
            .push("static = { \"/_next/static/\" = \".next/static\" }".to_owned());
        recipe.database = false;
        return Some(recipe);
    }
    let builder = BUILDERS.iter().find(|(name, _)| depends(name));
    let serves = start.is_some_and(|start| start.starts_with("node "));
    if let Some((name, made)) = builder
        && has_build
        && !serves
    {
        let mut recipe = Recipe::new(&format!("pages that {name} builds"));
        build(&mut recipe, folder, &package, true);
        recipe.exclude(&format!("/{made}"));
        recipe.text("protocol", "files").text("root", made);
        recipe.database = false;
        return Some(recipe);
    }
    let main = package["main"].as_str().filter(|main| folder.has(main));
    let command = match start {
        Some(start) if start.starts_with("node ") => start.to_owned(),
        Some(_) => "npm start".to_owned(),
        None => {
            let known = ["server.js", "index.js", "app.js"];
            let file = main.or_else(|| known.into_iter().find(|file| folder.has(file)))?;
            format!("node {file}")
        }
    };
    let mut recipe = Recipe::new(if depends("express") {
        "Express"
    } else {
        "Node"
    });
    build(&mut recipe, folder, &package, has_build);
    recipe.text("command", &command);
    recipe.note("it must listen on process.env.PORT of 127.0.0.1");
    Some(recipe)
}

/// The packages, and what is built with them.
fn build(recipe: &mut Recipe, folder: &CodeFolder, package: &Value, has_build: bool) {
    let some = |list: &str| {
        package[list]
            .as_object()
            .is_some_and(|list| !list.is_empty())
    };
    let installs = some("dependencies") || has_build && some("devDependencies");
    if !installs && !has_build {
        recipe.list("packages", &["nodejs"]);
        return;
    }
    recipe.list("packages", &["nodejs", "npm"]);
    let locked = folder.has("package-lock.json");
    // A build takes packages that only developers have.
    let omit = if has_build { "" } else { " --omit=dev" };
    let install = if locked {
        format!(
            "  {{ command = \"npm ci{omit}\", from = [\"package.json\", \"package-lock.json\"], makes = [\"node_modules\"] }},"
        )
    } else {
        format!("  \"npm install{omit}\",")
    };
    recipe.app.push("build = [".to_owned());
    if installs {
        recipe.app.push(install);
    }
    if has_build {
        recipe.app.push("  \"npm run build\",".to_owned());
    }
    recipe.app.push("]".to_owned());
    if installs && !locked {
        recipe.note("without a package-lock.json each release may get other packages: `npm install` writes one");
    }
    for other in ["yarn.lock", "pnpm-lock.yaml"] {
        if folder.has(other) {
            recipe.note(&format!("{other} is not read: app.build installs with npm"));
        }
    }
}
