//! What the command line takes and refuses.

use super::*;
use clap::CommandFactory;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("foobar-stack").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_lists_the_commands_that_exist() {
    let names: Vec<String> = Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    assert_eq!(
        names,
        [
            "init",
            "validate",
            "render",
            "plan",
            "apply",
            "verify",
            "rollback",
            "history",
            "attach",
            "status",
            "logs",
            "run",
            "shell",
            "db",
            "maintenance",
            "backup",
            "rebuild",
            "rehearse",
            "certificate",
            "import",
            "load",
            "doctor",
            "sandbox",
            "demo",
            "schema",
            "completions"
        ]
    );
}

#[test]
fn every_argument_says_what_it_is_for() {
    fn look(command: &clap::Command) {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            let help = argument.get_help();
            assert!(
                help.is_some(),
                "{} {}",
                command.get_name(),
                argument.get_id()
            );
        }
        command.get_subcommands().for_each(look);
    }
    look(&Cli::command());
}

#[test]
fn wrong_usage_is_64_and_help_is_none() {
    for (line, code) in [
        ("", 64),
        ("--help", 0),
        ("plan --help", 0),
        ("--version", 0),
        ("aply", 64),
        ("plan -q -v", 64),
        ("plan --color sometimes", 64),
        ("plan --out", 64),
        ("apply site.plan --target web", 64),
        ("apply site.plan --destroy-data", 64),
        ("apply site.plan other.plan", 64),
        ("rollback three", 64),
        ("rollback 3 4", 64),
        ("sandbox exec box", 64),
        ("sandbox down", 64),
        ("sandbox down a --all", 64),
        ("sandbox up --driver docker", 64),
        ("demo --driver docker", 64),
        ("render --os debian-13 --server", 64),
        ("init --domain not_a_name", 64),
        ("init --ipv4 8.8.8", 64),
        ("logs -n many", 64),
        ("maintenance", 64),
        ("maintenance on --allow somebody", 64),
        ("load --duration soon", 64),
        ("load --path no-slash", 64),
        ("load --post /no-form", 64),
        ("load --http 3", 64),
        ("run", 64),
        ("run --site", 64),
        ("db --execute", 64),
    ] {
        assert_eq!(exit(&parse(line).unwrap_err()).code(), code, "{line}");
    }
}

#[test]
fn options_stand_before_and_after_the_command() {
    for line in ["-vv --json plan", "plan -vv --json", "plan --json -v -v"] {
        let settings = parse(line).unwrap().settings();
        assert_eq!(settings.verbosity, Verbosity::Commands, "{line}");
        assert!(settings.json, "{line}");
    }
    assert_eq!(
        parse("-q verify").unwrap().settings().verbosity,
        Verbosity::Quiet
    );
}

#[test]
fn roles_are_a_list() {
    let Command::Plan(plan) = parse("plan --target web,app --target dns").unwrap().command else {
        panic!("not a plan");
    };
    assert_eq!(plan.selection.roles().unwrap(), ["web", "app", "dns"]);
    let Command::Apply(apply) = parse("apply").unwrap().command else {
        panic!("not an apply");
    };
    assert_eq!(apply.selection.roles(), None);
}

#[test]
fn a_driver_is_chosen_by_name() {
    for (line, expected) in [
        ("sandbox up", DriverName::Nspawn),
        ("sandbox up a --driver vagrant", DriverName::Vagrant),
    ] {
        let Command::Sandbox(Sandbox::Up { driver, .. }) = parse(line).unwrap().command else {
            panic!("not an up");
        };
        assert_eq!(driver, expected, "{line}");
    }
}

#[test]
fn a_plan_is_saved_and_applied_by_its_file() {
    let file = Some(PathBuf::from("site.plan"));
    let Command::Plan(plan) = parse("plan --out site.plan --target web").unwrap().command else {
        panic!("not a plan");
    };
    assert_eq!(plan.out, file);
    let Command::Apply(apply) = parse("apply --yes site.plan").unwrap().command else {
        panic!("not an apply");
    };
    assert_eq!((apply.file, apply.yes), (file, true));
}

#[test]
fn the_words_after_two_hyphens_are_the_command() {
    let Command::Sandbox(Sandbox::Exec { name, command }) =
        parse("sandbox exec box -- ls -v --json").unwrap().command
    else {
        panic!("not an exec");
    };
    assert_eq!((name.as_str(), command.len()), ("box", 3));
    for line in [
        "run --site shop -- ls -v --json",
        "run --site shop ls -v --json",
    ] {
        let Command::Run(run) = parse(line).unwrap().command else {
            panic!("not a run");
        };
        assert_eq!(run.command, ["ls", "-v", "--json"], "{line}");
        assert_eq!(run.site.unwrap().as_str(), "shop", "{line}");
    }
    let Command::Db(db) = parse("db -- --table").unwrap().command else {
        panic!("not a db");
    };
    assert_eq!(db.options, ["--table"]);
}
