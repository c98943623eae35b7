//! `[[check.deployment]]`: the slot that serves runs, and will run after the next boot.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::server::Section;
use crate::resource::Slot;
use crate::systemd::UnitState;
use crate::types::AbsolutePath;
use serde::Deserialize;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// What its units are called.
    pub name: String,
    /// The file that leads Nginx to the slot that serves.
    pub upstream: AbsolutePath,
    /// The first port; without it the instances listen on Unix sockets.
    pub port: Option<u16>,
    /// How many instances serve at once.
    pub instances: u16,
}

impl Deployment {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: self.name.clone(),
            hop: Hop::Server,
            needs: Vec::new(),
            unit: Some(format!("{}-*", self.name)),
        }
    }

    pub(super) fn expected(&self) -> String {
        match self.instances {
            1 => "active and enabled".to_owned(),
            instances => format!("{instances} instances, active and enabled"),
        }
    }

    /// The words that the script on the server takes.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let instances = |slot: Slot| {
            let all = slot.instances(self.port, self.instances).into_iter();
            all.map(|one| one.to_string())
        };
        [self.name.clone(), self.upstream.to_string()]
            .into_iter()
            .chain(instances(Slot::Blue))
            .chain(["--".to_owned()])
            .chain(instances(Slot::Green))
    }

    /// Judges what the script says.
    #[must_use]
    pub fn judge(&self, section: Option<&Section>) -> Judgement {
        let output = match section {
            Some(Section { status: 0, output }) => output,
            Some(failed) => return Judgement::Flawed(format!("systemctl {}", failed.failure())),
            None => return Judgement::Flawed("the server did not say".to_owned()),
        };
        let (slot, units) = output.split_once('\n').unwrap_or((output, ""));
        if slot == "none" {
            return Judgement::Broken(format!("{} leads to no slot", self.upstream));
        }
        let mut enabled = "";
        let mut active = 0;
        let mut wrong = Vec::new();
        for unit in UnitState::all(units) {
            if unit.id().ends_with(".target") {
                enabled = unit.file_state();
            } else if unit.runs() {
                active += 1;
            } else {
                let (id, state) = (unit.id(), unit.state());
                let (sub, result) = (unit.text("SubState"), unit.text("Result"));
                wrong.push(format!("{id} is {state} ({sub}), result {result}"));
            }
        }
        let instances = match active {
            1 => String::new(),
            active => format!("{active} instances, "),
        };
        match (wrong.is_empty(), active, enabled) {
            (true, 0, _) => Judgement::Flawed("the server did not say".to_owned()),
            (true, _, "enabled") => Judgement::Sound(format!("{slot}, {instances}active, enabled")),
            (true, ..) => Judgement::Flawed(format!("{slot}, active, but not enabled")),
            (false, 0, _) => Judgement::Broken(format!("{slot}: {}", wrong.join("; "))),
            (false, ..) => Judgement::Flawed(format!("{slot}: {}", wrong.join("; "))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let deployment = Deployment {
            name: "foobar-app".to_owned(),
            upstream: AbsolutePath::new("/etc/x").unwrap(),
            port: Some(8000),
            instances: 2,
        };
        let words: Vec<String> = deployment.words().skip(2).collect();
        assert_eq!(words, ["8000", "8002", "--", "8001", "8003"]);
        let judge = |first: &str, second: &str, enabled: &str| {
            let output = format!(
                "blue\nId=foobar-app-blue.target\nActiveState=active\nUnitFileState={enabled}\n\n\
                 Id=foobar-app-blue@8000.service\nActiveState={first}\nSubState=x\nResult=success\n\n\
                 Id=foobar-app-blue@8002.service\nActiveState={second}\nSubState=x\nResult=exit-code\n"
            );
            deployment.judge(Some(&Section { status: 0, output }))
        };
        let sound = Judgement::Sound("blue, 2 instances, active, enabled".to_owned());
        assert_eq!(judge("active", "active", "enabled"), sound);
        let off = judge("active", "active", "disabled");
        assert!(matches!(off, Judgement::Flawed(_)));
        let half = judge("active", "failed", "enabled");
        assert!(matches!(half, Judgement::Flawed(text) if text.contains("@8002")));
        let none = judge("failed", "failed", "enabled");
        assert!(matches!(none, Judgement::Broken(_)));
        let output = "none".to_owned();
        let edited = deployment.judge(Some(&Section { status: 0, output }));
        assert!(matches!(edited, Judgement::Broken(_)));
        assert!(matches!(deployment.judge(None), Judgement::Flawed(_)));
    }
}
