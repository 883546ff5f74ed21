//! What SOPS keeps beside the values: master keys, the rule, the MAC. Read as SOPS does, which takes a number for a text
//! and one thing for a list of it, and passes over what it does not know.

use super::node::{Node, Type};
use super::rules::{self, Rule};
use super::time;
use crate::error::Problem;
use crate::model::MasterKey;

/// The metadata of a file.
pub(super) struct Metadata {
    /// Each group gives one part of the data key; where there is one group, all of it.
    pub(super) groups: Vec<Vec<Share>>,
    /// How many groups are needed.
    pub(super) threshold: usize,
    /// What the MAC is bound to.
    pub(super) last_modified: String,
    /// Encrypted; empty where there is none.
    pub(super) mac: String,
    /// True where the MAC covers no clear value.
    pub(super) mac_only_encrypted: bool,
    /// Which values are encrypted.
    pub(super) rule: Rule,
}

/// The data key, or a part of it, for one holder.
pub(super) struct Share {
    /// Who can open it.
    pub(super) holder: Holder,
    /// As the holder's kind writes it.
    pub(super) sealed: String,
}

/// Who can open a data key: all of it is public.
pub(super) enum Holder {
    /// An age recipient, also one of SSH.
    Age(String),
    /// A key of HuaweiCloud KMS, which nobody here can ask.
    Huawei(String),
    /// The fingerprint of an OpenPGP key.
    Pgp(String),
    /// A key of a service.
    Service(MasterKey),
}

impl Holder {
    /// Its kind, as `SOPS_DECRYPTION_ORDER` names it (`KeyTypeIdentifier` of each kind in sops).
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Age(_) => "age",
            Self::Huawei(_) => "hckms",
            Self::Pgp(_) => "pgp",
            Self::Service(MasterKey::Aws { .. }) => "kms",
            Self::Service(MasterKey::Azure { .. }) => "azure_kv",
            Self::Service(MasterKey::Google { .. }) => "gcp_kms",
            Self::Service(MasterKey::Transit { .. }) => "hc_vault",
        }
    }

    /// As a message names it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Age(recipient) => format!("the age recipient {recipient}"),
            Self::Huawei(key) => format!("the key {key} of HuaweiCloud, which sealref cannot ask"),
            Self::Pgp(fingerprint) => format!("the PGP key {fingerprint}"),
            Self::Service(key) => key.names().into_iter().next().unwrap_or_default(),
        }
    }
}

impl Metadata {
    /// The metadata in a tree.
    pub(super) fn read(tree: &Node) -> Result<Self, Problem> {
        let last_modified = text(tree, "lastmodified").as_deref().and_then(time::seconds);
        let version = text(tree, "version").unwrap_or_default();
        // Old files have none.
        if !matches!(version.split('.').next(), Some("" | "0" | "1" | "2" | "3")) {
            return Err(Problem::new("the file was written by a version of SOPS that this sealref does not know")
                .hint("take a newer sealref, or encrypt it with SOPS 3"));
        }
        let groups = groups(tree)?;
        // Of one group there are no parts.
        let threshold = match text(tree, "shamir_threshold").filter(|_| groups.len() > 1).map(|number| number.parse()) {
            None | Some(Ok(0)) => groups.len(),
            Some(number) => number.map_err(|_| wrong("shamir_threshold"))?,
        };
        Ok(Self {
            threshold,
            groups,
            last_modified: last_modified.ok_or_else(|| wrong("lastmodified"))?,
            mac: text(tree, "mac").unwrap_or_default(),
            mac_only_encrypted: boolean(tree, "mac_only_encrypted")?,
            rule: rule(tree)?,
        })
    }
}

fn wrong(name: &str) -> Problem {
    Problem::new(format!("the field {name} of SOPS' metadata is missing, or not as SOPS writes it"))
        .hint("was the file cut off or edited by hand? take it from its history")
}

fn get<'n>(tree: &'n Node, name: &str) -> Option<&'n Node> {
    let Node::Map(entries) = tree else { return None };
    entries.iter().find(|(key, _)| key == name).map(|(_, node)| node)
}

/// A field as text, whatever it is.
fn text(tree: &Node, name: &str) -> Option<String> {
    match get(tree, name)? {
        Node::Scalar(scalar) => Some(String::from_utf8_lossy(&scalar.bytes).into_owned()),
        _ => None,
    }
}

fn boolean(tree: &Node, name: &str) -> Result<bool, Problem> {
    match text(tree, name).as_deref() {
        Some("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
        None | Some("" | "0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
        Some(_) => Err(wrong(name)),
    }
}

/// A field as a list: nothing is an empty one, and a map stands for itself.
fn list<'n>(tree: &'n Node, name: &str) -> Result<Vec<&'n Node>, Problem> {
    let maps = match get(tree, name) {
        None => vec![],
        Some(Node::Scalar(scalar)) if scalar.kind == Type::Null => vec![],
        Some(Node::List(items)) => items.iter().filter(|item| !matches!(item, Node::Comment(_))).collect(),
        Some(Node::Map(entries)) if entries.is_empty() => vec![],
        Some(map) => vec![map],
    };
    if maps.iter().all(|map| matches!(map, Node::Map(_))) { Ok(maps) } else { Err(wrong(name)) }
}

fn groups(tree: &Node) -> Result<Vec<Vec<Share>>, Problem> {
    let flat = group(tree)?;
    let groups = if flat.is_empty() {
        list(tree, "key_groups")?.into_iter().map(group).collect::<Result<_, _>>()?
    } else {
        vec![flat]
    };
    if groups.is_empty() {
        return Err(Problem::new("the metadata of SOPS names no master key").hint("encrypt the file again"));
    }
    Ok(groups)
}

/// The master keys of a group, in the order in which SOPS would try them: those that need nobody else come first.
fn group(tree: &Node) -> Result<Vec<Share>, Problem> {
    let mut keys = vec![];
    for (name, holder) in HOLDERS {
        for map in list(tree, name)? {
            keys.push(Share { holder: holder(map)?, sealed: needed(map, "enc")? });
        }
    }
    Ok(keys)
}

/// Who an entry of a list names.
type Named = fn(&Node) -> Result<Holder, Problem>;

/// The lists of a group.
const HOLDERS: [(&str, Named); 7] = [
    ("age", |key| Ok(Holder::Age(needed(key, "recipient")?))),
    ("pgp", |key| Ok(Holder::Pgp(needed(key, "fp")?))),
    ("kms", |key| {
        let (arn, role, profile) = (needed(key, "arn")?, filled(key, "role"), filled(key, "aws_profile"));
        Ok(Holder::Service(MasterKey::Aws { arn, role, profile, context: context(key)? }))
    }),
    ("gcp_kms", |key| Ok(Holder::Service(MasterKey::Google { resource: needed(key, "resource_id")? }))),
    ("hckms", |key| Ok(Holder::Huawei(needed(key, "key_id")?))),
    ("azure_kv", |key| {
        let (vault, name) = (needed(key, "vault_url")?, needed(key, "name")?);
        Ok(Holder::Service(MasterKey::Azure { vault, name, version: filled(key, "version").unwrap_or_default() }))
    }),
    ("hc_vault", |key| {
        let (address, engine) = (needed(key, "vault_address")?, needed(key, "engine_path")?);
        Ok(Holder::Service(MasterKey::Transit { address, engine, name: needed(key, "key_name")? }))
    }),
];

/// A field that holds something.
fn filled(tree: &Node, name: &str) -> Option<String> {
    text(tree, name).filter(|text| !text.is_empty())
}

fn needed(tree: &Node, name: &str) -> Result<String, Problem> {
    filled(tree, name).ok_or_else(|| wrong(name))
}

/// What an AWS ciphertext is bound to.
fn context(key: &Node) -> Result<Vec<(String, String)>, Problem> {
    match get(key, "context") {
        None => Ok(vec![]),
        Some(Node::Scalar(scalar)) if scalar.kind == Type::Null => Ok(vec![]),
        Some(map @ Node::Map(entries)) => {
            let names = entries.iter().map(|(name, _)| name).filter(|name| !name.is_empty());
            Ok(names.map(|name| (name.clone(), text(map, name).unwrap_or_default())).collect())
        }
        Some(_) => Err(wrong("context")),
    }
}

fn rule(tree: &Node) -> Result<Rule, Problem> {
    let field = |name: &str| filled(tree, name);
    let expression = |name: &str| field(name).map(|text| rules::expression(name, &text)).transpose();
    let rules = [
        field("unencrypted_suffix").map(Rule::UnencryptedSuffix),
        field("encrypted_suffix").map(Rule::EncryptedSuffix),
        expression("unencrypted_regex")?.map(Rule::UnencryptedKey),
        expression("encrypted_regex")?.map(Rule::EncryptedKey),
        expression("unencrypted_comment_regex")?.map(Rule::UnencryptedComment),
        expression("encrypted_comment_regex")?.map(Rule::EncryptedComment),
    ];
    let mut rules = rules.into_iter().flatten();
    match (rules.next(), rules.next()) {
        (None, _) => Ok(Rule::usual()),
        (Some(rule), None) => Ok(rule),
        _ => {
            Err(Problem::new("SOPS' metadata holds two rules of what is encrypted").hint("keep one, and encrypt again"))
        }
    }
}
