//! One of something for each server of an inventory: sessions, facts, plans.

use crate::error::Error;
use crate::types::ServerName;
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

/// One `T` for each server, in the order of their names.
#[derive(Debug)]
pub(crate) struct PerServer<T>(BTreeMap<ServerName, T>);

impl<T> FromIterator<(ServerName, T)> for PerServer<T> {
    fn from_iter<I: IntoIterator<Item = (ServerName, T)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl<T> IntoIterator for PerServer<T> {
    type Item = (ServerName, T);
    type IntoIter = std::collections::btree_map::IntoIter<ServerName, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T> PerServer<T> {
    /// Each of them with the name of its server.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ServerName, &T)> {
        self.0.iter()
    }

    /// Each of them with the name of its server, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&ServerName, &mut T)> {
        self.0.iter_mut()
    }

    /// The same ones, lent.
    pub(crate) fn as_mut(&mut self) -> PerServer<&mut T> {
        let all = self.0.iter_mut();
        all.map(|(name, one)| (name.clone(), one)).collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// That of this server, lent.
    ///
    /// # Errors
    /// As [`PerServer::take`].
    pub(crate) fn of_server(&mut self, name: &ServerName) -> Result<&mut T, Error> {
        let found = self.0.get_mut(name);
        found.ok_or_else(|| several(std::iter::once(name)))
    }

    /// That of this server.
    ///
    /// # Errors
    /// When there is none, as after a server was taken out of an inventory.
    pub(crate) fn take(&mut self, name: &ServerName) -> Result<T, Error> {
        let found = self.0.remove(name);
        found.ok_or_else(|| several(std::iter::once(name)))
    }

    /// All of them, by the name of the server.
    pub(crate) fn by_name(&self) -> &BTreeMap<ServerName, T> {
        &self.0
    }

    /// Each of them with what `other` has for the same server. A server that one of both does not
    /// have is left out.
    pub(crate) fn zip<U>(self, mut other: PerServer<U>) -> PerServer<(T, U)> {
        let pair = |(name, one)| {
            let second = other.0.remove(&name)?;
            Some((name, (one, second)))
        };
        self.0.into_iter().filter_map(pair).collect()
    }

    /// Does something with all of them at once. The first error ends it.
    pub(crate) async fn at_once<U>(
        self,
        does: impl AsyncFn(&ServerName, T) -> Result<U, Error>,
    ) -> Result<PerServer<U>, Error> {
        let does = &does;
        let doing = self.0.into_iter().map(|(name, one)| async move {
            let made = does(&name, one).await?;
            Ok::<_, Error>((name, made))
        });
        Ok(try_join_all(doing).await?.into_iter().collect())
    }

    /// The only one, for a command that works on one server.
    ///
    /// # Errors
    /// When there are several servers.
    pub(crate) fn only(mut self) -> Result<(ServerName, T), Error> {
        match self.0.pop_first() {
            Some(one) if self.0.is_empty() => Ok(one),
            Some((first, _)) => Err(several(std::iter::once(&first).chain(self.0.keys()))),
            None => Err(several(self.0.keys())),
        }
    }

    /// The only one, lent.
    ///
    /// # Errors
    /// As [`PerServer::only`].
    pub(crate) fn only_mut(&mut self) -> Result<(&ServerName, &mut T), Error> {
        if self.0.len() != 1 {
            return Err(several(self.0.keys()));
        }
        let one = self.0.iter_mut().next();
        one.ok_or_else(|| several(std::iter::empty()))
    }
}

fn several<'a>(names: impl Iterator<Item = &'a ServerName>) -> Error {
    let names: Vec<&str> = names.map(ServerName::as_str).collect();
    Error::Usage {
        message: format!(
            "this command works on one server, and the inventory has {}: {}",
            names.len(),
            names.join(", ")
        ),
        hint: "use an inventory with one of them".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[(&str, u8)]) -> PerServer<u8> {
        let named = names.iter();
        named
            .map(|(name, one)| (ServerName::new(name).unwrap(), *one))
            .collect()
    }

    fn texts<T: std::fmt::Debug>(all: &PerServer<T>) -> Vec<String> {
        let all = all.iter();
        all.map(|(name, one)| format!("{name} {one:?}")).collect()
    }

    #[test]
    fn one_command_takes_the_only_one_and_no_other() {
        let (name, one) = of(&[("web1", 1)]).only().unwrap();
        assert_eq!((name.as_str(), one), ("web1", 1));
        let mut alone = of(&[("web1", 1)]);
        *alone.only_mut().unwrap().1 = 5;
        assert_eq!(texts(&alone), ["web1 5"]);
        let mut two = of(&[("web2", 2), ("web1", 1)]);
        let words =
            "this command works on one server, and the inventory has 2: web1, web2".to_owned();
        assert_eq!(two.only_mut().unwrap_err().to_string(), words);
        let error = two.only().unwrap_err();
        assert_eq!((error.to_string(), error.exit().code()), (words, 64));
    }

    #[test]
    fn each_goes_with_what_is_of_the_same_server() {
        let seen = of(&[("a", 1), ("b", 2), ("c", 3)]).zip(of(&[("c", 30), ("b", 20), ("d", 40)]));
        assert_eq!(texts(&seen), ["b (2, 20)", "c (3, 30)"]);
    }

    #[tokio::test]
    async fn all_are_asked_before_one_has_answered() {
        let meeting = tokio::sync::Barrier::new(3);
        let all = of(&[("a", 1), ("b", 2), ("c", 3)]);
        // Whoever asked them one after the other would wait here for ever.
        let made = all.at_once(async |name, one| {
            meeting.wait().await;
            Ok(format!("{name}{one}"))
        });
        assert_eq!(
            texts(&made.await.unwrap()),
            ["a \"a1\"", "b \"b2\"", "c \"c3\""]
        );
    }

    #[tokio::test]
    async fn the_first_error_ends_it() {
        let refused = of(&[("a", 1), ("b", 2)]).at_once(async |_, one| match one {
            1 => std::future::pending().await,
            _ => Err::<(), _>(Error::Declined),
        });
        assert!(matches!(refused.await, Err(Error::Declined)));
    }
}
