//! What the API server would say of the Secret. Source: `ValidateSecret` in `pkg/apis/core/validation`
//! of Kubernetes, and the well-known types of `core/v1`.

use crate::error::{Problem, Problems};
use crate::limits;
use crate::model::{Provision, Stream, unhashed};

/// Names, keys, and the keys that a type needs.
pub(super) fn validate(stream: &Stream, provision: &Provision) -> Problems {
    let mut problems = Problems::default();
    let at = || stream.tell_object(provision.origin.manifest());
    let name = &provision.secret.name;
    if !is_subdomain(name) {
        problems.push(
            Problem::new(format!("\"{name}\" cannot be the name of a Secret"))
                .hint("lower-case letters, digits, dashes and dots, at most 253, as in DNS")
                .at(at()),
        );
    }
    if let Some(namespace) = &provision.secret.namespace
        && (!is_subdomain(namespace) || namespace.contains('.') || namespace.len() > 63)
    {
        problems.push(
            Problem::new(format!("\"{namespace}\" cannot be a namespace"))
                .hint("lower-case letters, digits and dashes, at most 63")
                .at(at()),
        );
    }
    problems.extend(keys(stream, provision));
    // Those of whole secrets are not known yet.
    if provision.extracts.is_empty() {
        problems.keep(needed_keys(provision).map_err(|problem| problem.at(at())));
    }
    problems
}

/// With the next edit kustomize would give the Secret another name, and with that another generated value.
pub(super) fn made_once(stream: &Stream, provision: &Provision) -> Result<(), Problem> {
    let name = &provision.secret.name;
    if !provision.is_made_once() || unhashed(name).is_none() {
        return Ok(());
    }
    Err(Problem::new(format!("\"{name}\" ends in a hash: any edit would make its generated values anew"))
        .hint("leave the hash out: disableNameSuffixHash: true under options of the generator")
        .at(stream.tell_object(provision.origin.manifest())))
}

/// The keys of a Secret, once those of whole secrets are among them.
pub(in crate::steps) fn all_keys(stream: &Stream, provision: &Provision) -> Problems {
    let mut problems = keys(stream, provision);
    let at = || stream.tell_object(provision.origin.manifest());
    problems.keep(needed_keys(provision).map_err(|problem| problem.at(at())));
    problems
}

fn keys(stream: &Stream, provision: &Provision) -> Problems {
    let mut problems = Problems::default();
    for item in &provision.items {
        if !is_key(&item.key) {
            problems.push(
                Problem::new(format!("\"{}\" cannot be a key of a Secret", item.key))
                    .hint("letters, digits, dashes, underscores and dots, at most 253")
                    .at(stream.tell(item.place)),
            );
        }
    }
    problems
}

/// The keys without which the API server refuses a type: each group needs one of its keys.
const NEEDED: [(&str, &[&[&str]]); 5] = [
    ("kubernetes.io/basic-auth", &[&["username", "password"]]),
    ("kubernetes.io/dockercfg", &[&[".dockercfg"]]),
    ("kubernetes.io/dockerconfigjson", &[&[".dockerconfigjson"]]),
    ("kubernetes.io/ssh-auth", &[&["ssh-privatekey"]]),
    ("kubernetes.io/tls", &[&["tls.crt"], &["tls.key"]]),
];

fn needed_keys(provision: &Provision) -> Result<(), Problem> {
    let Some(kind) = provision.secret_type.as_deref() else {
        return Ok(());
    };
    if kind == "kubernetes.io/service-account-token" {
        return Err(Problem::new("a token Secret holds values of its own").hint("leave them out; Kubernetes fills it"));
    }
    let has = |key: &&&str| provision.items.iter().any(|item| item.key == **key);
    let groups = NEEDED.iter().filter(|(name, _)| *name == kind).flat_map(|(_, groups)| *groups);
    for group in groups {
        if !group.iter().any(|key| has(&key)) {
            return Err(Problem::new(format!("a Secret of type {kind} needs the key {}", group.join(" or ")))
                .hint("add it, or leave out the type"));
        }
    }
    Ok(())
}

/// RFC 1123, as Kubernetes narrows it.
pub(in crate::steps) fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        ends(label.chars().next())
            && ends(label.chars().last())
            && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    name.len() <= limits::NAME && name.split('.').all(label)
}

fn is_key(key: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=limits::NAME).contains(&key.len()) && key != "." && !key.starts_with("..") && key.chars().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_judged_as_by_the_api_server_b6() {
        for (name, good) in [("db", true), ("a.b-c", true), ("Db", false), ("-a", false), ("a..b", false), ("", false)]
        {
            assert_eq!(is_subdomain(name), good, "{name}");
        }
        for (key, good) in [
            ("a", true),
            (".dockerconfigjson", true),
            ("A_b-c.d", true),
            ("", false),
            (".", false),
            ("..a", false),
            ("a/b", false),
            ("ä", false),
        ] {
            assert_eq!(is_key(key), good, "{key}");
        }
        assert!(!is_key(&"a".repeat(254)));
    }
}
