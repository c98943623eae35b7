//! `load`: puts load on the site, and looks at the server meanwhile.

use super::connected::ConnectedServers;
use super::connection::ConnectOptions;
use super::interrupt::interruption;
use super::load::{Purpose, Workspace, load};
use crate::cli;
use crate::error::{Error, Exit};
use crate::inventory::{Server, Site, TlsMode};
use crate::operate::samples::{self, Reader, Sample};
use crate::operate::saturation::{self, Requests};
use crate::operate::{Units, units};
use crate::report::Reporter;
use crate::report::load::Loaded;
use crate::report::load_page;
use crate::server::Session;
use foobar_stack_load::{Load, Profile, Record, Request, Target, Trust};
use std::path::Path;
use std::time::Duration;

/// A site at the address of its server.
pub(super) fn target(site: &Site, server: &Server) -> Target {
    let https = site.tls.mode != TlsMode::Off;
    let ports = site.web.ports;
    Target {
        https,
        host: site.names.domain.as_str().to_owned(),
        port: if https {
            ports.https_port
        } else {
            ports.http_port
        },
        address: server.address(),
        trust: match site.tls.mode {
            TlsMode::SelfSigned => Trust::Anybody,
            _ => Trust::Authorities,
        },
    }
}

fn profile(options: &cli::Load) -> Profile {
    let mut requests: Vec<_> = options
        .paths
        .iter()
        .chain(&options.posts)
        .cloned()
        .collect();
    if requests.is_empty() {
        requests = Profile::default().requests;
    }
    Profile {
        rate: options.rate,
        duration: options.duration,
        connections: options.connections,
        fresh: options.fresh / 100.0,
        protocol: options.http.into(),
        timeout: options.timeout,
        requests,
        slow: options.slow.clone(),
        websocket: options.websocket.clone(),
        retry_posts: options.retry_posts,
    }
}

/// The server, and what is known of it before the load.
struct Watched {
    session: Session,
    processors: u32,
    units: Units,
    http_port: u16,
}

async fn watched(
    workspace: &Workspace,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Watched, Error> {
    let servers = ConnectedServers::of(workspace, connection, reporter).await?;
    let (_, server) = servers.only()?;
    Ok(Watched {
        processors: server.facts.cpus,
        units: units(&server.stack, &server.facts.date),
        session: server.session,
        http_port: workspace.inputs.inventory.ports.http_port,
    })
}

/// Looks at the server until the load is over, and a moment more.
async fn watch(watched: &mut Watched, duration: Duration) -> Result<Vec<Sample>, Error> {
    let names = watched.units.all().map(|(_, unit)| unit);
    let script = samples::script(duration.as_secs() + 2, names, watched.http_port);
    let mut reader = Reader::default();
    watched
        .session
        .follow("looking at the server", &script, &mut |line| {
            reader.line(line);
        })
        .await?;
    Ok(reader.samples)
}

/// Says how it goes, each second, until the load is over.
async fn show(load: &Load, duration: Duration, reporter: &Reporter) {
    loop {
        let (answered, failed) = load.so_far();
        let (now, end) = (load.elapsed(), duration.as_secs_f64());
        if now >= duration {
            return;
        }
        let text = format!(
            "{:.0} of {end:.0} s, {answered} replies, {failed} failed",
            now.as_secs_f64()
        );
        reporter.busy(Some(&text));
        tokio::time::sleep(Duration::from_secs(1).min(duration - now)).await;
    }
}

/// What the record says of how much of the load reached the server.
fn requests(record: &Record) -> Requests {
    let whole = record.whole();
    Requests {
        ended: whole.latencies.count() + whole.failed,
        unsent: record.unsent,
        lag: record.lag.quantile(0.5).unwrap_or_default(),
    }
}

/// Puts load on the site of the inventory.
pub(super) async fn load_test(
    inventory: &Path,
    options: &cli::Load,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let profile = profile(options);
    profile.check()?;
    let workspace = load(inventory, Purpose::Ask).await?;
    let (_, site) = workspace.site(options.site.as_ref())?;
    let (_, server) = workspace.servers().only()?;
    let target = target(site, server);
    let mut server = if options.outside {
        None
    } else {
        Some(watched(&workspace, connection, reporter).await?)
    };
    let asked: Vec<String> = profile.requests.iter().map(Request::title).collect();
    reporter.note(&format!(
        "{} at {}: {} a second for {} s over up to {} connections: {}",
        target.base(),
        target.address,
        profile.rate,
        profile.duration.as_secs_f64(),
        profile.connections,
        asked.join(", ")
    ));
    let running = foobar_stack_load::start(&target, profile.clone())?;
    let watching = async {
        match &mut server {
            Some(server) => watch(server, profile.duration).await,
            None => Ok(Vec::new()),
        }
    };
    let mut interrupted = false;
    let seen = tokio::select! {
        (seen, ()) = async { tokio::join!(watching, show(&running, profile.duration, reporter)) } => seen,
        () = interruption() => {
            interrupted = true;
            Ok(Vec::new())
        }
    };
    running.stop();
    let record = running.finish().await;
    reporter.busy(None);
    let samples = match seen {
        Ok(samples) => samples,
        Err(error) => {
            reporter.note(&format!("the server could not be looked at: {error}"));
            Vec::new()
        }
    };
    let processors = server.as_ref().map_or(1, |server| server.processors);
    let role = |unit: &str| {
        server
            .as_ref()
            .map(|server| server.units.role(unit))
            .unwrap_or_default()
    };
    let saturation = saturation::judge(requests(&record), &samples, processors, role);
    let loaded = Loaded {
        site: &target.base(),
        profile: &profile,
        record: &record,
        saturation: &saturation,
    };
    reporter.load(&loaded);
    if let Some(file) = &options.html {
        load_page::page(&loaded)
            .map_err(std::io::Error::other)
            .and_then(|page| std::fs::write(file, page))
            .map_err(Error::io(format!("write {}", file.display())))?;
        reporter.note(&format!("drawn in {}", file.display()));
    }
    if let Some(server) = &server
        && !interrupted
    {
        reporter.traffic(&server.session.traffic());
    }
    Ok(match record.failed() > options.max_errors {
        _ if interrupted => Exit::Interrupted,
        true => Exit::Failed,
        false => Exit::Done,
    })
}
