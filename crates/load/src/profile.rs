//! What load to make: how many requests a second of what, for how long.

use crate::error::LoadError;
use std::time::Duration;

/// The version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// What the server prefers.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// A request, and how often it is made among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its path, with the query.
    pub path: String,
    /// The form it posts; none for a GET.
    pub body: Option<String>,
    /// Its share, beside those of the others.
    pub weight: u32,
}

impl Request {
    /// A GET, as it is typed: `/path` or `3:/path`, three times as often.
    ///
    /// # Errors
    /// When there is no path, or its weight is none.
    pub fn get(text: &str) -> Result<Self, String> {
        let (weight, path) = weighted(text)?;
        Ok(Self {
            path: path.to_owned(),
            body: None,
            weight,
        })
    }

    /// A POST, as it is typed: `/path=name=value&…`, with a weight if need be.
    ///
    /// # Errors
    /// When there is no path, or its weight is none.
    pub fn post(text: &str) -> Result<Self, String> {
        let (weight, rest) = weighted(text)?;
        let (path, body) = rest
            .split_once('=')
            .ok_or("a path, `=` and the form are expected, as in /sign=name=Ann")?;
        Ok(Self {
            path: path.to_owned(),
            body: Some(body.to_owned()),
            weight,
        })
    }

    /// `GET /path`.
    #[must_use]
    pub fn title(&self) -> String {
        let method = if self.body.is_some() { "POST" } else { "GET" };
        format!("{method} {}", self.path)
    }
}

fn weighted(text: &str) -> Result<(u32, &str), String> {
    let (weight, path) = match text.split_once(":/") {
        Some((weight, _)) if !weight.starts_with('/') => {
            let number = weight.parse().ok().filter(|weight| *weight > 0);
            let number = number.ok_or_else(|| format!("`{weight}` is no weight"))?;
            (number, &text[weight.len() + 1..])
        }
        _ => (1, text),
    };
    if !path.starts_with('/') || path.contains(char::is_whitespace) {
        return Err(format!(
            "`{path}` is no path: it begins with / and has no blanks"
        ));
    }
    Ok((weight, path))
}

/// What load to make.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Requests a second; they come when they are due, however slow the replies are.
    pub rate: f64,
    /// For how long.
    pub duration: Duration,
    /// At most so many requests are under way at once, each on a connection of its own.
    pub connections: usize,
    /// The share of requests that open a connection for themselves, from 0 to 1.
    pub fresh: f64,
    /// The version of HTTP.
    pub protocol: Protocol,
    /// How long a reply may take.
    pub timeout: Duration,
    /// What is asked.
    pub requests: Vec<Request>,
    /// Paths that take long; each is asked again and again, beside the others and not counted
    /// among them.
    pub slow: Vec<String>,
    /// The path of a WebSocket that is kept open.
    pub websocket: Option<String>,
    /// Whether a POST may be sent again when a kept connection was closed before the reply.
    pub retry_posts: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            rate: 50.0,
            duration: Duration::from_secs(10),
            connections: 10,
            fresh: 0.1,
            protocol: Protocol::Auto,
            timeout: Duration::from_secs(10),
            requests: vec![Request {
                path: "/".to_owned(),
                body: None,
                weight: 1,
            }],
            slow: Vec::new(),
            websocket: None,
            retry_posts: false,
        }
    }
}

impl Profile {
    /// Says no to what cannot be done.
    ///
    /// # Errors
    /// When a number is out of its range, or nothing is asked.
    pub fn check(&self) -> Result<(), LoadError> {
        let range = |what, fits: bool, range| {
            if fits {
                Ok(())
            } else {
                Err(LoadError::Range { what, range })
            }
        };
        range(
            "the rate",
            (0.1..=100_000.0).contains(&self.rate),
            "from 0.1 to 100000 a second",
        )?;
        let hours = self.duration <= Duration::from_secs(24 * 3600);
        range(
            "the duration",
            hours && !self.duration.is_zero(),
            "from a moment to 24 hours",
        )?;
        range(
            "connections",
            (1..=10_000).contains(&self.connections),
            "from 1 to 10000",
        )?;
        range(
            "the share of fresh connections",
            (0.0..=1.0).contains(&self.fresh),
            "from 0 to 1",
        )?;
        range(
            "the requests",
            !self.requests.is_empty(),
            "at least one path",
        )
    }

    /// How many requests it has.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.due_until(self.duration)
    }

    /// When the request with this number is due, from the start.
    #[must_use]
    pub fn due(&self, number: u64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "numbers stay far below 2^52")]
        Duration::from_secs_f64(number as f64 / self.rate)
    }

    /// How many are due before this moment.
    #[must_use]
    pub fn due_until(&self, moment: Duration) -> u64 {
        let moment = moment.min(self.duration).as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the rate and the duration are checked"
        )]
        let number = (moment * self.rate).ceil() as u64;
        number
    }

    /// What the request with this number asks: the same in every run, in no pattern.
    #[must_use]
    pub fn request(&self, number: u64) -> &Request {
        let sum: u64 = self.requests.iter().map(|one| u64::from(one.weight)).sum();
        let mut place = scatter(number) % sum.max(1);
        let chosen = self.requests.iter().find(|one| {
            let weight = u64::from(one.weight);
            let here = place < weight;
            place = place.saturating_sub(weight);
            here
        });
        chosen.unwrap_or(&self.requests[0])
    }

    /// Whether the request with this number opens a connection for itself.
    #[must_use]
    pub fn is_fresh(&self, number: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = (scatter(number ^ (1 << 63)) >> 11) as f64 / (1_u64 << 53) as f64;
        share < self.fresh
    }
}

/// Mixes the bits of a number (the finaliser of splitmix64).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_they_are_typed() {
        let get = Request::get("3:/a?b=c:/d").unwrap();
        assert_eq!((get.weight, get.path.as_str()), (3, "/a?b=c:/d"));
        assert_eq!(Request::get("/a:/b").unwrap().path, "/a:/b");
        let post = Request::post("2:/sign=name=Ann&text=a%20b").unwrap();
        assert_eq!(post.title(), "POST /sign");
        assert_eq!(
            (post.weight, post.body.as_deref()),
            (2, Some("name=Ann&text=a%20b"))
        );
        for wrong in ["a", "0:/a", "x:/a", "/a b", ""] {
            assert!(Request::get(wrong).is_err(), "{wrong}");
        }
        assert!(Request::post("/a").is_err());
    }

    #[test]
    fn shares_are_kept() {
        let profile = Profile {
            requests: ["3:/a", "/b"]
                .map(|text| Request::get(text).unwrap())
                .into(),
            fresh: 0.25,
            ..Profile::default()
        };
        let numbers = 0..10_000_u64;
        let often = numbers
            .clone()
            .filter(|n| profile.request(*n).path == "/a")
            .count();
        let fresh = numbers.clone().filter(|n| profile.is_fresh(*n)).count();
        let both = numbers
            .filter(|n| profile.is_fresh(*n) && profile.request(*n).path == "/b")
            .count();
        assert!((7_300..7_700).contains(&often), "{often}");
        assert!((2_300..2_700).contains(&fresh), "{fresh}");
        // The two choices do not depend on each other.
        assert!((500..750).contains(&both), "{both}");
    }

    #[test]
    fn requests_are_due_at_their_rate() {
        let profile = Profile {
            rate: 200.0,
            duration: Duration::from_secs(5),
            ..Profile::default()
        };
        assert_eq!(profile.total(), 1000);
        assert_eq!(profile.due(100), Duration::from_millis(500));
        assert_eq!(profile.due_until(Duration::from_millis(500)), 100);
        assert_eq!(profile.due_until(Duration::from_secs(50)), 1000);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        assert!(Profile::default().check().is_ok());
        for wrong in [
            Profile {
                rate: 0.0,
                ..Profile::default()
            },
            Profile {
                rate: f64::NAN,
                ..Profile::default()
            },
            Profile {
                fresh: 1.5,
                ..Profile::default()
            },
            Profile {
                connections: 0,
                ..Profile::default()
            },
            Profile {
                requests: Vec::new(),
                ..Profile::default()
            },
            Profile {
                duration: Duration::ZERO,
                ..Profile::default()
            },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
