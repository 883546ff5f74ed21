//! Helm's post-renderer: all that a chart made, as one stream on standard input; what comes out is what Helm installs.
//!
//! Source: `pkg/postrenderer` of helm/helm at v4, `pkg/postrender` at v3.

use std::ffi::OsString;

use super::stream::{self, Call};
use super::{Duplicates, Job};
use crate::error::Problems;
use crate::model::Input;
use crate::outside::environment;
use crate::outside::wire::World;

/// True where Helm 4 called: it names the plugin in the environment, and only options were given.
#[must_use]
pub fn is_call(arguments: &[OsString]) -> bool {
    let asks = |first: &OsString| ["-h", "--help", "-V", "--version"].iter().any(|asked| first == asked);
    let first = arguments.get(1);
    let options = first.is_none_or(|first| first.as_encoded_bytes().starts_with(b"-") && !asks(first));
    options && environment::is_set("HELM_PLUGIN_NAME")
}

/// The job of a post-renderer. Objects that write no namespace go to that of the release.
pub fn job(input: Input, mut call: Call) -> Result<(Job, World), Problems> {
    if call.namespace.is_none() {
        let namespace = environment::variable("HELM_NAMESPACE")?.filter(|namespace| !namespace.is_empty());
        call.namespace = namespace.map(|namespace| namespace.as_str().to_owned());
    }
    let (mut job, world) = stream::job(input, call)?;
    job.terms.duplicates = Duplicates::Tolerated;
    Ok((job, world))
}
