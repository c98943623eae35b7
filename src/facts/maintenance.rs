//! Which sites of the server are closed for maintenance.

/// Whose visitors get 503.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Maintenance {
    /// Nobody's.
    #[default]
    Off,
    /// Those of the sites of these domains.
    Sites(Vec<String>),
    /// Those of every site, of one that is added meanwhile, too.
    EverySite,
}

impl Maintenance {
    /// Reads what the script prints: a domain a line, or `every`.
    pub(super) fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Self {
        let mut domains = Vec::new();
        for line in lines {
            if line == "every" {
                return Self::EverySite;
            }
            domains.push(line.to_owned());
        }
        if domains.is_empty() {
            Self::Off
        } else {
            Self::Sites(domains)
        }
    }
}
