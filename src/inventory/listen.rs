//! The key `app.listen`: ports or Unix sockets, and what goes with neither.

use super::environment::place;
use super::mistakes::Mistakes;
use super::raw;
use super::{Listen, Protocol};

/// Where the app listens. What the inventory says of the other way is a mistake: it would be
/// read by nobody, and the app would not start.
pub(super) fn listen(raw: &raw::App, protocol: Protocol, mistakes: &mut Mistakes<'_>) -> Listen {
    let listen = match raw.listen.as_deref() {
        None | Some(raw::AppListen::Port) => Listen::Port,
        Some(raw::AppListen::Socket) => Listen::Socket,
    };
    if let Some(key) = &raw.listen
        && protocol == Protocol::Files
    {
        let mistake = mistakes.at(key.span(), "app.listen: with \"files\" nothing runs");
        mistakes.push(mistake.help("leave it out"));
        return listen;
    }
    if let (Some(key), Some(port), Listen::Socket) = (&raw.listen, &raw.port, listen) {
        let mistake = mistakes.at(port.span(), "app.port: with a socket there is no port");
        mistakes.push(mistake.context(key.span(), "it listens on a socket"));
    }
    variables(raw, listen, mistakes);
    listen
}

/// The command must not speak of what it is not told.
fn variables(raw: &raw::App, listen: Listen, mistakes: &mut Mistakes<'_>) {
    let (told, untold) = match listen {
        Listen::Port => (place(Listen::Port), place(Listen::Socket)),
        Listen::Socket => (place(Listen::Socket), place(Listen::Port)),
    };
    let Some(command) = &raw.command else {
        return;
    };
    let word = format!("${{{untold}}}");
    let own = raw.env.keys().any(|name| name.as_str() == untold);
    // `$$` is a dollar sign for systemd, and what follows it is left alone.
    if own || !command.replace("$$", "").contains(&word) {
        return;
    }
    let mistake = mistakes.at(command.span(), format!("app.command: {word} is not set"));
    mistakes.push(match &raw.listen {
        Some(key) => mistake
            .context(key.span(), format!("so the app is told ${{{told}}}"))
            .help(format!("write ${{{told}}} in its place")),
        None => mistake.help("say that the app listens on one: listen = \"socket\""),
    });
}
