//! The section `[sshd]`: what somebody needs to log in; and all that is said of logins.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{Fail2ban, Sshd, SshdSetting, fail2ban};

/// What is said of logins to the server: `[sshd]` and `[fail2ban]`.
pub(super) fn access(raw: &raw::Inventory, mistakes: &mut Mistakes<'_>) -> (Sshd, Fail2ban) {
    let sshd = sshd(raw.sshd.as_ref(), mistakes);
    (sshd, fail2ban::fail2ban(raw.fail2ban.as_ref(), mistakes))
}

/// The section; without it sshd is left alone.
fn sshd(section: Option<&At<raw::Sshd>>, mistakes: &mut Mistakes<'_>) -> Sshd {
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
