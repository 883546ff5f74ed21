//! Lists of a cluster, page by page.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::config::Cluster;
use crate::error::Problem;
use crate::limits;
use crate::model::{Ask, Reply, Wire};
use crate::sources::answer::json;
use crate::sources::encoded;

/// A list of objects.
pub(super) struct List {
    /// With a query, where not all of them are wanted.
    pub(super) path: String,
    /// The kind of what is in it.
    pub(super) kind: &'static str,
    /// What messages call reading it.
    pub(super) operation: String,
}

#[derive(Deserialize)]
struct Page<T> {
    metadata: Next,
    items: Items<T>,
}

#[derive(Deserialize)]
struct Next {
    #[serde(default, rename = "continue")]
    token: String,
}

/// Go may write null for a list of nothing; an answer without a list is none.
#[derive(Deserialize)]
struct Items<T>(Option<Vec<T>>);

impl Cluster {
    /// What `read` makes of everything in some lists, given the kind of each: all lists are read at the same time.
    ///
    /// # Errors
    /// One of them is refused, or does not end: a part would give wrong answers.
    pub(super) fn lists<T: DeserializeOwned, R>(
        &self,
        lists: &[List],
        accept: impl for<'r> Fn(&str, &'r Reply) -> Result<&'r [u8], Problem>,
        read: impl Fn(&'static str, T) -> Result<R, Problem>,
        wire: &mut dyn Wire,
    ) -> Result<Vec<R>, Problem> {
        let (mut found, mut wanted) = (vec![], lists.iter().map(|list| (list, String::new())).collect::<Vec<_>>());
        for _ in 0..limits::PAGES {
            let ask = |(list, token): &(&List, String)| {
                let query = if list.path.contains('?') { '&' } else { '?' };
                let path = format!("{}{query}limit={}&continue={token}", list.path, limits::PAGE);
                Ask::Http(self.get(list.operation.clone(), &path))
            };
            let replies = wire.ask_all(wanted.iter().map(ask).collect());
            for ((list, token), reply) in wanted.iter_mut().zip(replies) {
                let page: Page<T> = json(accept(&list.operation, &reply?)?, "the API server")?;
                for item in page.items.0.into_iter().flatten() {
                    found.push(read(list.kind, item)?);
                }
                *token = encoded(&page.metadata.token, b"-._~");
            }
            wanted.retain(|(_, token)| !token.is_empty());
            if wanted.is_empty() {
                return Ok(found);
            }
        }
        let endless = wanted.first().map_or("", |(list, _)| &list.operation);
        Err(Problem::new(format!("{endless}: there is no end of them")).hint("is it the API server?"))
    }
}
