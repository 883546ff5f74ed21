//! A Secret in which a sealed-secrets controller keeps one of its sealing keys.
//! Source: `pkg/controller/keys.go` of bitnami/sealed-secrets.

use zeroize::Zeroizing;

use super::{Identity, unbase64};
use crate::error::Problem;
use crate::yaml::Tree;

/// The label by which the controller finds its keys; it opens with those that are `active`.
pub const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// What the label says of a key that the controller uses; of one that leaked, people write `compromised`.
pub const ACTIVE: &str = "active";

/// A sealing key of a controller, and where it is kept. No `Debug`: it holds a private key.
pub struct KeySecret {
    /// The namespace of the controller.
    pub namespace: String,
    /// The name of the Secret.
    pub name: String,
    /// What the label says: `active`.
    state: String,
    /// In base64, as it stands in `data`.
    certificate: Zeroizing<String>,
    /// The same.
    key: Zeroizing<String>,
}

impl KeySecret {
    /// From the parts of a Secret.
    ///
    /// # Errors
    /// One of them is nothing that Kubernetes would have taken.
    pub fn new([namespace, name, state]: [&str; 3], [certificate, key]: [&str; 2]) -> Result<Self, Problem> {
        let is_name = |text: &str| {
            let letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
            !text.is_empty() && text.bytes().all(letter)
        };
        let is_value = |text: &str| text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c));
        let is_base64 = |text: &str| unbase64(text.as_bytes()).is_some_and(|bytes| !bytes.is_empty());
        if is_name(namespace) && is_name(name) && is_value(state) && is_base64(certificate) && is_base64(key) {
            let (certificate, key) = (in_one_line(certificate), in_one_line(key));
            return Ok(Self { namespace: namespace.into(), name: name.into(), state: state.into(), certificate, key });
        }
        Err(Problem::new(
            "a Secret with the label of sealing keys has no name, no namespace, or no tls.crt and tls.key in its data",
        )
        .hint(format!("kubectl get secret -l {KEY_LABEL} -o yaml gives those of a controller")))
    }

    /// From a manifest; None where it is another object.
    #[must_use]
    pub fn of(tree: &Tree) -> Option<Result<Self, Problem>> {
        let text = |path: &[&str]| tree.at(tree.root(), path).and_then(|node| tree.text(node));
        let identity = Identity::of(tree).filter(|identity| identity.is("", "Secret"))?;
        let state = text(&["metadata", "labels", KEY_LABEL])?;
        let part = |name| text(&["data", name]).unwrap_or_default();
        let namespace = identity.namespace.unwrap_or_default();
        Some(Self::new([&namespace, &identity.name, state], [part("tls.crt"), part("tls.key")]))
    }

    /// `NAMESPACE/NAME`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// What the label says: the controller opens with those that are [`ACTIVE`], and seals for one of them.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// The certificate, in PEM.
    #[must_use]
    pub fn certificate(&self) -> Zeroizing<Vec<u8>> {
        unbase64(self.certificate.as_bytes()).unwrap_or_default()
    }

    /// The private key, in PEM.
    #[must_use]
    pub fn key(&self) -> Zeroizing<Vec<u8>> {
        unbase64(self.key.as_bytes()).unwrap_or_default()
    }

    /// Is it the same key with the same certificate?
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.certificate() == other.certificate() && self.key() == other.key()
    }

    /// The Secret in one line of JSON, with what the controller looks at and nothing else.
    #[must_use]
    pub fn manifest(&self) -> Zeroizing<String> {
        let Self { namespace, name, state, certificate, key } = self;
        let parts = [
            r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":""#,
            name,
            r#"","namespace":""#,
            namespace,
            r#"","labels":{""#,
            KEY_LABEL,
            r#"":""#,
            state,
            r#""}},"type":"kubernetes.io/tls","data":{"tls.crt":""#,
            certificate,
            r#"","tls.key":""#,
            key,
            r#""}}"#,
            "\n",
        ];
        // Room for all of it from the start, so that no shorter copy is left behind
        let mut text = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.len()).sum()));
        for part in parts {
            text.push_str(part);
        }
        text
    }
}

fn in_one_line(text: &str) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(text.len()));
    line.extend(text.lines());
    line
}
