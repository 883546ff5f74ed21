//! Who asks. Only what Argo CD itself says counts: a repository cannot set it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::text::Name;
use crate::error::{Exit, Problem};

/// The project for which a repository is rendered, and where its objects go.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// The Argo CD project.
    pub project: String,
    /// The Application's destination: the namespace of objects that write none.
    pub namespace: Option<String>,
}

impl Tenant {
    /// What names the project. Set by Argo CD; what a tenant sets is called `ARGOCD_ENV_*`.
    pub const PROJECT: &str = "ARGOCD_APP_PROJECT_NAME";
    /// What names the destination.
    pub const NAMESPACE: &str = "ARGOCD_APP_NAMESPACE";

    /// The name of a project or a namespace (RFC 1123).
    ///
    /// # Errors
    /// It is none; in words.
    pub fn name(text: &str) -> Result<String, &'static str> {
        Name::try_from(text.to_owned()).map(|name| name.as_str().to_owned())
    }

    /// Of the two variables.
    ///
    /// # Errors
    /// No project is named, or one of them is no name (exit 3).
    pub fn new(project: Option<&str>, namespace: Option<&str>) -> Result<Self, Problem> {
        let name = |variable: &str, text: &str| {
            Self::name(text).map_err(|_| {
                Problem::new(format!("{variable} holds no name of Kubernetes"))
                    .hint("Argo CD sets it; elsewhere, set it to the name of an AppProject or a namespace")
                    .exit(Exit::Refused)
            })
        };
        let project = project.filter(|project| !project.is_empty()).ok_or_else(|| {
            Problem::new(format!("a policy holds, and nobody says for which project: {} is not set", Self::PROJECT))
                .hint("Argo CD sets it for plugins; elsewhere, set it to the name of the project")
                .exit(Exit::Refused)
        })?;
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        Ok(Self {
            project: name(Self::PROJECT, project)?,
            namespace: namespace.map(|namespace| name(Self::NAMESPACE, namespace)).transpose()?,
        })
    }
}

/// What an operator says of a tenant.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TenantEntry {
    /// The Argo CD project.
    #[schemars(with = "String")]
    pub project: Name,
    /// The namespaces that are the project's.
    #[schemars(with = "Vec<String>")]
    pub namespaces: Vec<Name>,
}
