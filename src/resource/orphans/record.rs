//! The server's record of what foobar-stack owns there, line by line. What a line has beyond what
//! this program knows, it keeps.

use crate::resource::{Data, Owned, Reading};
use crate::types::AbsolutePath;

/// One line of the server's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The role it belongs to.
    pub role: String,
    /// What it is.
    pub owned: Owned,
    /// Whether a run of ours made it; otherwise it was there before.
    pub made: bool,
    /// Fields that another version of this program has added.
    pub(super) more: Vec<String>,
}

impl Managed {
    /// Reads a line of the record; none for one that is not understood, which is left alone.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let (made, role, kind, name) = (
            fields.next()?,
            fields.next()?,
            fields.next()?,
            fields.next()?,
        );
        // A record of version 1 says `taken`.
        if !matches!(made, "made" | "adopted" | "taken") {
            return None;
        }
        let (mut reads, mut more) = (Vec::new(), Vec::new());
        for field in fields {
            match Reading::parse(field).filter(|_| kind == "service") {
                Some(reading) => reads.push(reading),
                None => more.push(field.to_owned()),
            }
        }
        let owned = match kind {
            "service" => Owned::Service {
                name: name.to_owned(),
                reads,
            },
            "path" => Owned::Path(AbsolutePath::new(name).ok()?),
            "package" => Owned::Package(name.to_owned()),
            word => Owned::Data(Data::parse(word, name)?),
        };
        Some(Self {
            role: role.to_owned(),
            owned,
            made: made == "made",
            more,
        })
    }

    /// Writes a line of the record that begins with this word.
    pub(super) fn line(&self, made: &str) -> String {
        let (kind, name) = match &self.owned {
            Owned::Path(path) => ("path", path.as_str()),
            Owned::Service { name, .. } => ("service", name.as_str()),
            Owned::Package(name) => ("package", name.as_str()),
            Owned::Data(data) => (data.word(), data.name()),
        };
        let mut line = format!("{made}\t{}\t{kind}\t{name}", self.role);
        if let Owned::Service { reads, .. } = &self.owned {
            for reading in reads {
                line.push_str(&format!("\t{reading}"));
            }
        }
        for field in &self.more {
            line.push_str(&format!("\t{field}"));
        }
        line + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_record_reads_back() {
        for line in [
            "made\tweb\tpath\t/etc/nginx/nginx.conf\n",
            "adopted\tweb\tservice\tnginx.service\n",
            "made\tx\tservice\tx.service\treload file:/etc/x/*\trestart file:/etc/y z\n",
            "made\tweb\tpackage\tnginx\n",
            "made\tapp\ttree\t/srv/x/releases\n",
            "made\tdatabase\tdatabase-account\tfoobar\n",
            // As a later version might write them.
            "made\tweb\tpath\t/x\tdigest 0a1b\n",
            "made\tx\tservice\tx.service\treload file:/etc/x/*\tserver web1\n",
        ] {
            let managed = Managed::parse(line.trim_end()).unwrap();
            assert_eq!(
                managed.line(if managed.made { "made" } else { "adopted" }),
                line
            );
        }
        assert_eq!(Managed::parse("made\tweb\tplanet\tmars"), None);
        assert_eq!(Managed::parse("lent\tweb\tpath\t/x"), None);
        assert_eq!(Managed::parse("made\tweb\tpath\trelative"), None);
    }
}
