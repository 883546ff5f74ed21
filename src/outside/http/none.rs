//! Where no feature asks servers: each request is refused.

use super::Patience;
use crate::error::Problem;
use crate::model::{Reply, Request};

/// Nothing.
pub struct Network;

impl Network {
    /// Asks nobody.
    #[must_use]
    pub fn new(_: Patience) -> Self {
        Self
    }

    /// Refuses each.
    pub fn ask_all(&mut self, requests: Vec<Request>) -> Vec<Result<Reply, Problem>> {
        let refused = |request: Request| {
            Err(Problem::new(format!("{}: this build of sealref asks no servers", request.operation))
                .hint("use a release, or build with --features full"))
        };
        requests.into_iter().map(refused).collect()
    }
}
