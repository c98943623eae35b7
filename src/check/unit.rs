//! `[[check.unit]]`: a unit that runs, and will run after the next boot.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::section::Section;
use crate::systemd::{self, UnitState};
use serde::Deserialize;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Name of the unit, with its suffix.
    pub name: UnitName,
    /// Whether it is a job that a timer starts: it need not run, but its last run must not have
    /// failed.
    #[serde(default)]
    pub job: bool,
}

/// The name of a unit: letters, digits and `:-_.\@`, with a suffix (systemd.unit(5)).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct UnitName(String);

impl TryFrom<String> for UnitName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        let plain = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c));
        match name.rsplit_once('.') {
            Some((stem, suffix))
                if plain && !stem.is_empty() && !name.starts_with('-') && !suffix.is_empty() =>
            {
                Ok(Self(name))
            }
            _ => Err(format!(
                "`{name}` is not the full name of a unit, like `nginx.service`"
            )),
        }
    }
}

impl UnitName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Unit {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: self.name.0.clone(),
            hop: Hop::Server,
            needs: Vec::new(),
            unit: Some(self.name.0.clone()),
        }
    }

    pub(super) fn expected(&self) -> String {
        let expected = if self.job {
            "no failure"
        } else {
            "active and enabled"
        };
        expected.to_owned()
    }

    /// Judges what `systemctl show` says of the unit at this place of its arguments.
    #[must_use]
    pub fn judge(&self, section: Option<&Section>, place: usize) -> Judgement {
        let output = match section {
            Some(Section { status: 0, output }) => output,
            Some(failed) => return Judgement::Flawed(format!("systemctl {}", failed.failure())),
            None => return Judgement::Flawed("the server did not say".to_owned()),
        };
        let Some(state) = UnitState::all(output).nth(place) else {
            return Judgement::Flawed("the server did not say".to_owned());
        };
        let get = |key: &str| state.text(key);
        let (active, enabled) = (state.state(), state.file_state());

        if state.is_missing() == Some(true) {
            return Judgement::Broken("there is no such unit".to_owned());
        }
        if active.is_empty() {
            return Judgement::Flawed("the server did not say".to_owned());
        }
        if self.job && active != "failed" {
            return Judgement::Sound(active.to_owned());
        }
        if !state.runs() {
            let mut seen = format!("{active} ({})", get("SubState"));
            if !matches!(get("Result"), "" | "success") {
                seen.push_str(&format!(", result {}", get("Result")));
            }
            if active == "failed" && !matches!(get("ExecMainStatus"), "" | "0") {
                seen.push_str(&format!(", exit status {}", get("ExecMainStatus")));
            }
            return match self.job {
                // It may succeed the next time, whatever a run does here.
                true => Judgement::Awaited(seen),
                false => Judgement::Broken(seen),
            };
        }
        if systemd::starts_at_boot(enabled) {
            Judgement::Sound(format!("{active}, {enabled}"))
        } else {
            let enabled = if enabled.is_empty() {
                "not enabled"
            } else {
                enabled
            };
            Judgement::Flawed(format!("{active}, but {enabled}: the next boot stops it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(output: &str, place: usize) -> Judgement {
        asked(false, output, place)
    }

    fn asked(job: bool, output: &str, place: usize) -> Judgement {
        let unit = Unit {
            name: UnitName::try_from("nginx.service".to_owned()).unwrap(),
            job,
        };
        unit.judge(
            Some(&Section {
                status: 0,
                output: output.to_owned(),
            }),
            place,
        )
    }

    #[test]
    fn judgements() {
        let up = "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled";
        let sound = |text: &str| Judgement::Sound(text.to_owned());
        let flawed = |text: &str| Judgement::Flawed(text.to_owned());
        let broken = |text: &str| Judgement::Broken(text.to_owned());
        for (output, want) in [
            (up, sound("active, enabled")),
            (
                &up.replace("active\n", "reloading\n"),
                sound("reloading, enabled"),
            ),
            (&up.replace("enabled", "static"), sound("active, static")),
            (
                &up.replace("enabled", "disabled"),
                flawed("active, but disabled: the next boot stops it"),
            ),
            (
                &up.replace("enabled", "enabled-runtime"),
                flawed("active, but enabled-runtime: the next boot stops it"),
            ),
            (
                &up.replace("enabled", ""),
                flawed("active, but not enabled: the next boot stops it"),
            ),
            (
                "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=1\nUnitFileState=enabled",
                broken("failed (failed), result exit-code, exit status 1"),
            ),
            (
                "LoadState=loaded\nActiveState=inactive\nSubState=dead\nResult=success\nExecMainStatus=15",
                broken("inactive (dead)"),
            ),
            (
                "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=success",
                broken("activating (auto-restart)"),
            ),
            (
                "LoadState=not-found\nActiveState=inactive",
                broken("there is no such unit"),
            ),
            ("", flawed("the server did not say")),
            ("rubbish", flawed("the server did not say")),
        ] {
            assert_eq!(judge(output, 0), want, "{output}");
            let second = format!("LoadState=loaded\nActiveState=failed\n\n{output}");
            assert_eq!(judge(&second, 1), want, "{output}");
        }
        assert_eq!(judge(up, 1), flawed("the server did not say"));
    }

    #[test]
    fn no_reply_is_no_proof() {
        let unit = Unit {
            name: UnitName::try_from("nginx.service".to_owned()).unwrap(),
            job: false,
        };
        let failed = Section {
            status: 1,
            output: "no bus".to_owned(),
        };
        assert_eq!(
            unit.judge(Some(&failed), 0),
            Judgement::Flawed("systemctl ended with status 1: no bus".to_owned())
        );
        assert!(matches!(unit.judge(None, 0), Judgement::Flawed(_)));
    }

    #[test]
    fn unit_names() {
        for name in ["nginx.service", "foobar@blue.service", "a\\x2db.socket"] {
            assert!(UnitName::try_from(name.to_owned()).is_ok(), "{name}");
        }
        for name in [
            "",
            "nginx",
            ".service",
            "nginx.",
            "--all.service",
            "a b.service",
            "*.service",
        ] {
            assert!(UnitName::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_job_need_not_run_and_its_failure_undoes_no_run() {
        let idle = "LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=static";
        let failed = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\n\
                      ExecMainStatus=1\nUnitFileState=static";
        for (output, want) in [
            (idle, Judgement::Sound("inactive".to_owned())),
            (
                &idle.replace("inactive", "activating"),
                Judgement::Sound("activating".to_owned()),
            ),
            (
                failed,
                Judgement::Awaited("failed (failed), result exit-code, exit status 1".to_owned()),
            ),
        ] {
            assert_eq!(asked(true, output, 0), want, "{output}");
        }
    }
}
