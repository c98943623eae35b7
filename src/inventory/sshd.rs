//! The section `[sshd]`: what somebody needs to log in.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{Sshd, SshdSetting};

/// The section; without it sshd is left alone.
pub(super) fn sshd(section: Option<&At<raw::Sshd>>, mistakes: &mut Mistakes<'_>) -> Sshd {
    let Some(raw) = section else {
        return Sshd::default();
    };
    if let Some(passwords) = raw.passwords.as_ref().filter(|passwords| ***passwords) {
        let mistake = mistakes.at(passwords.span(), "sshd.passwords cannot be true");
        mistakes.push(mistake.help("leave it out: then it is as the server has it"));
    }
    let mut sshd = Sshd {
        keys_alone: raw.passwords.is_some(),
        ..Sshd::default()
    };
    let mut set = |keyword, value| sshd.settings.push(SshdSetting { keyword, value });
    if raw.passwords.is_some() {
        set("PasswordAuthentication", "no");
        // Whatever PAM asks for: its usual question is that for the password.
        set("KbdInteractiveAuthentication", "no");
    }
    match raw.root_login.as_deref() {
        Some(raw::RootLogin::Keys) => set("PermitRootLogin", "prohibit-password"),
        Some(raw::RootLogin::No) => {
            set("PermitRootLogin", "no");
            sshd.root_refused = true;
        }
        None => {}
    }
    sshd
}
