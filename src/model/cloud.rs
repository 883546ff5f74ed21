//! What is asked of a cloud by whoever runs this: who that is, and how it is shown, is known behind the Wire alone.

use zeroize::Zeroizing;

/// A service of AWS that speaks its JSON protocol 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsService {
    /// As the shared configuration calls it, and variables in upper case: `secrets_manager`.
    pub id: &'static str,
    /// The first label of its host, which is also what a signature names.
    pub host: &'static str,
}

/// One call of a service of AWS, to be addressed and signed.
pub struct AwsCall {
    /// What is done, for messages. Never a value.
    pub operation: String,
    /// Whom it is for.
    pub service: AwsService,
    /// `X-Amz-Target`.
    pub target: &'static str,
    /// JSON.
    pub body: Zeroizing<Vec<u8>>,
    /// None: that of the configuration.
    pub region: Option<String>,
    /// As whom; by default as the operator's configuration says.
    pub identity: AwsIdentity,
}

/// As whom a service of AWS is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsIdentity {
    /// A profile of the shared configuration.
    pub profile: Option<String>,
    /// A role to be assumed.
    pub role: Option<String>,
}

/// A cloud that asks for a bearer token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Microsoft's; a token is for one kind of server.
    Azure {
        /// `https://vault.azure.net/.default`
        scope: String,
    },
    /// Google's.
    Google,
}
