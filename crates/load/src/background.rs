//! A load on threads of its own, beside whatever else happens.

use crate::error::LoadError;
use crate::profile::Profile;
use crate::record::Record;
use crate::target::Target;
use crate::worker::{Load, start};
use std::time::Duration;

/// A load on threads of its own.
pub struct Background {
    load: Option<Load>,
    runtime: tokio::runtime::Runtime,
}

impl Background {
    /// Begins one.
    ///
    /// # Errors
    /// As [`start`], or when there are no threads to be had.
    pub fn start(target: &Target, profile: Profile) -> Result<Self, LoadError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|source| LoadError::Threads { source })?;
        let load = runtime.block_on(async { start(target, profile) })?;
        Ok(Self {
            load: Some(load),
            runtime,
        })
    }

    /// How long it has been under way: to note what happened when.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.load.as_ref().map_or(Duration::ZERO, Load::elapsed)
    }

    /// How many requests got a good reply so far, and how much has failed.
    #[must_use]
    pub fn so_far(&self) -> (u64, u64) {
        self.load.as_ref().map_or((0, 0), Load::so_far)
    }

    /// Ends it, waits for what is under way, and gives what came of it all.
    #[must_use]
    pub fn end(mut self) -> Record {
        let Some(load) = self.load.take() else {
            return Record::default();
        };
        load.stop();
        self.runtime.block_on(load.finish())
    }
}
