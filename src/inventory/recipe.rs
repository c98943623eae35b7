//! What an app is written in, by its files, and the lines of the inventory that follow from that.
//!
//! Pure: somebody else reads the folder. A recipe is a proposal, for a person to look at: what
//! cannot be known is said as a note, and what is wrong shows when it is applied.

mod node;
mod other;
mod php;
mod proposal;
mod python;

pub(super) use proposal::quoted;
pub use proposal::{CodeFolder, Recipe};

/// What the code in a folder is; nothing if nobody can say.
#[must_use]
pub fn recognise(folder: &CodeFolder) -> Option<Recipe> {
    python::django(folder)
        .or_else(|| php::recipe(folder))
        .or_else(|| other::ruby(folder))
        .or_else(|| node::recipe(folder))
        .or_else(|| python::other(folder))
        .or_else(|| other::go(folder))
        .or_else(|| other::rust(folder))
        .or_else(|| other::files(folder))
}
