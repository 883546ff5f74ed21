//! Keys over data keys, as encrypted files name them. What they name is the file's word alone: whoever can change the
//! file can point it elsewhere, so each is granted before anybody is asked.

/// A key that a service holds.
#[derive(Clone)]
pub enum MasterKey {
    /// AWS KMS.
    Aws {
        /// Of the key or of an alias.
        arn: String,
        /// A role to be assumed.
        role: Option<String>,
        /// A profile of the shared configuration.
        profile: Option<String>,
        /// What the ciphertext is bound to.
        context: Vec<(String, String)>,
    },
    /// Azure Key Vault.
    Azure {
        /// `https://NAME.vault.azure.net`
        vault: String,
        /// The key.
        name: String,
        /// Its version.
        version: String,
    },
    /// Google Cloud KMS.
    Google {
        /// `projects/P/locations/L/keyRings/R/cryptoKeys/K`
        resource: String,
    },
    /// The transit engine of Vault or OpenBao.
    Transit {
        /// `https://vault.example:8200`
        address: String,
        /// Where the engine is mounted.
        engine: String,
        /// The key.
        name: String,
    },
}

impl MasterKey {
    /// The profile of the machine as which the file wants the service to be asked.
    #[must_use]
    pub fn profile(&self) -> Option<&str> {
        match self {
            Self::Aws { profile, .. } => profile.as_deref(),
            Self::Azure { .. } | Self::Google { .. } | Self::Transit { .. } => None,
        }
    }

    /// Everything in it that leads somewhere, as the operator grants it and as messages name it.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Aws { arn, role, .. } => std::iter::once(arn).chain(role).cloned().collect(),
            Self::Azure { vault, name, version } => {
                vec![format!("{}/keys/{name}/{version}", vault.trim_end_matches('/'))]
            }
            Self::Google { resource } => vec![resource.clone()],
            Self::Transit { address, engine, name } => {
                vec![format!("{}/{}/keys/{name}", address.trim_end_matches('/'), engine.trim_matches('/'))]
            }
        }
    }
}
