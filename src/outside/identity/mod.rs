//! Who we are where a cloud asks: each vendor's own chain of credentials.
//!
//! Receives a call or the name of a cloud, gives back a signed request or a token. Each identity is established once
//! in a run, and nothing that a chain says of itself is told.

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "azure")]
mod azure;
#[cfg(feature = "gcp")]
mod google;

use zeroize::Zeroizing;

use crate::error::{Exit, Problem};
use crate::model::{AwsCall, Cloud, Reply, Request};

use super::http::Network;

/// What is known of us by now.
#[derive(Default)]
pub struct Identities {
    #[cfg(feature = "aws")]
    aws: aws::Chain,
    tokens: Vec<(Cloud, Token)>,
}

impl Identities {
    /// A call with its address and its signature.
    #[cfg(feature = "aws")]
    pub fn sign(&mut self, call: AwsCall, network: &mut Network) -> Result<Request, Problem> {
        let identity = call.identity.clone();
        network.wait("logging in to AWS", self.aws.sign(call)).unwrap_or_else(|problem| {
            self.aws.lost(identity, problem.clone());
            Err(problem)
        })
    }

    /// Nobody signs.
    #[cfg(not(feature = "aws"))]
    pub fn sign(&mut self, call: AwsCall, _: &mut Network) -> Result<Request, Problem> {
        Err(absent(&call.operation, "aws"))
    }

    /// A token that shows who we are.
    pub fn token(&mut self, cloud: &Cloud, network: &mut Network) -> Result<Reply, Problem> {
        if !self.tokens.iter().any(|(known, _)| known == cloud) {
            let token = token(cloud, network);
            self.tokens.push((cloud.clone(), token));
        }
        let known = self.tokens.iter().find(|(known, _)| known == cloud).map(|(_, token)| token);
        let lost = || Err(Problem::new("a token was not asked for").exit(Exit::Bug));
        known.map_or_else(lost, |token| token.clone().map(Reply::of))
    }
}

type Token = Result<Zeroizing<Vec<u8>>, Problem>;

#[cfg(any(feature = "azure", feature = "gcp"))]
fn token(cloud: &Cloud, network: &mut Network) -> Token {
    match cloud {
        #[cfg(feature = "azure")]
        Cloud::Azure { scope } => network.wait("logging in to Azure", azure::token(scope))?,
        #[cfg(feature = "gcp")]
        Cloud::Google => network.wait("logging in to Google Cloud", google::token())?,
        #[cfg(not(all(feature = "azure", feature = "gcp")))]
        _ => Err(absent("logging in", "full")),
    }
}

#[cfg(not(any(feature = "azure", feature = "gcp")))]
fn token(_: &Cloud, _: &mut Network) -> Token {
    Err(absent("logging in", "full"))
}

#[cfg(not(all(feature = "aws", feature = "azure", feature = "gcp")))]
fn absent(operation: &str, feature: &str) -> Problem {
    Problem::new(format!("{operation}: this build of sealref cannot log in there"))
        .hint(format!("use a release, or build with --features {feature}"))
}
