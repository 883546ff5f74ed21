//! Which names are those of secrets, and which values are secrets: quiet on purpose. A name says what a value is; the
//! value says whether it is one, or a placeholder, a path, or the name of something.

use std::sync::LazyLock;

use crate::rules::tokens::entropy;

/// What a name says that its value is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// A word that somebody has chosen.
    Password,
    /// A Secret, or the name of one.
    Secret,
    /// Letters that a machine has drawn.
    Token,
}

impl Sort {
    /// In words.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Password => "a password",
            Self::Secret => "a secret",
            Self::Token => "a token or key",
        }
    }
}

/// The lists of words.txt, which says what each is of.
struct Lists {
    before_key: List,
    beginnings: List,
    behind: List,
    files: List,
    guessed: List,
    no_value: List,
    other: List,
    placeholders: List,
}

type List = Vec<&'static str>;

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let list = |name: &str| {
        let mut lists = include_str!("words.txt").split("\n\n");
        let words = lists.find_map(|list| list.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default();
        words.lines().skip(1).flat_map(str::split_whitespace).collect()
    };
    Lists {
        before_key: list("before-key"),
        beginnings: list("beginnings"),
        behind: list("behind"),
        files: list("files"),
        guessed: list("guessed"),
        no_value: list("no-value"),
        other: list("other"),
        placeholders: list("placeholders"),
    }
});

/// What a name says that its value is.
pub(super) fn sort(name: &str) -> Option<Sort> {
    if name.len() > 100 {
        return None;
    }
    let mut words = words(name);
    while words.last().is_some_and(|word| LISTS.behind.contains(&word.as_str())) {
        words.pop();
    }
    if words.iter().any(|word| LISTS.other.contains(&word.as_str())) {
        return None;
    }
    let (last, before) = words.split_last()?;
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let ends = |ends: &[&str]| ends.iter().any(|end| last.ends_with(end));
    let behind = |word: &str| before.last().is_some_and(|last| last == word);
    match last {
        "pass" | "pw" if !before.is_empty() => Some(Sort::Password),
        "key" if before.last().is_some_and(|word| LISTS.before_key.contains(&word.as_str())) => Some(Sort::Token),
        "base" | "data" if behind("key") => Some(Sort::Token),
        _ if ends(&["password", "passwd", "passphrase", "pwd"]) => Some(Sort::Password),
        _ if ends(&["token", "apikey", "accesskey", "secretkey", "privatekey"]) => Some(Sort::Token),
        "credential" | "credentials" => Some(Sort::Secret),
        _ if ends(&["secret"]) => Some(Sort::Secret),
        _ => None,
    }
}

/// `dbPassword`, `DB_PASSWORD` and `db.password` are two words.
fn words(name: &str) -> Vec<String> {
    let (mut words, mut word, mut before) = (vec![], String::new(), ' ');
    for c in name.chars() {
        let begins = !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Whoever guesses tries it first.
    Guessable,
    /// Nothing: a placeholder, a path, a name, an expression.
    Nothing,
    /// A secret.
    Secret,
}

/// What the value of a name of this sort is.
pub(super) fn value(sort: Sort, text: &str) -> Value {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if LISTS.guessed.contains(&lower.as_str()) {
        return Value::Guessable;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits == text.len() && sort == Sort::Password && (4..=12).contains(&digits) {
        return Value::Guessable;
    }
    let is_expression = ["$(", "${", "{{", "<<", "%(", "://"].iter().any(|part| text.contains(part));
    let is_nothing = !(4..=4096).contains(&text.len())
        || text.contains(char::is_whitespace)
        || is_expression
        || LISTS.no_value.contains(&lower.as_str())
        || LISTS.beginnings.iter().any(|beginning| text.starts_with(beginning))
        || LISTS.files.iter().any(|end| lower.ends_with(end))
        || LISTS.placeholders.iter().any(|word| lower.contains(word))
        || text.bytes().all(|byte| Some(byte) == text.bytes().next())
        || is_number(text)
        || is_call(text)
        || is_name(sort, text);
    if is_nothing || sort != Sort::Password && !is_drawn(text) { Value::Nothing } else { Value::Secret }
}

/// `4096`, `1.5`, `30s`, `10Mi`.
fn is_number(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | ',' | '-' | ':'));
    rest.len() < text.len() && rest.len() <= 2 && rest.chars().all(|c| c.is_ascii_alphabetic())
}

/// `getPassword()`, `config.password`: what programs say.
fn is_call(text: &str) -> bool {
    let of_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '(' | ')' | '[' | ']' | '\'' | '"');
    text.contains('(') && text.ends_with(')')
        || text.chars().all(of_code)
            && !text.contains(|c: char| c.is_ascii_digit())
            && (text.contains('.') || self::sort(text).is_some())
}

/// The name of something: `db-credentials`, `shop/db`, `grafana.admin`.
fn is_name(sort: Sort, text: &str) -> bool {
    let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '/' | '_' | ':');
    if !text.chars().all(of_name) || !text.contains(['-', '.', '/', '_', ':']) {
        return false;
    }
    let last = text.rsplit(['-', '.', '/', '_', ':']).next().unwrap_or_default();
    let says = ["auth", "config", "creds", "env", "key", "keys", "name", "pass", "secrets", "user"].contains(&last)
        || self::sort(last).is_some();
    says || sort != Sort::Password && text.split(['-', '.', '/', '_', ':']).all(|part| !is_drawn(part))
}

/// Letters and digits without an order.
fn is_drawn(text: &str) -> bool {
    let has = |class: fn(&u8) -> bool| text.bytes().any(|byte| class(&byte));
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
        || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && entropy(text.as_bytes()) > 3.7;
    text.len() >= 8 && mixed && entropy(text.as_bytes()) > 2.7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_its_words() {
        let Lists { before_key, beginnings, behind, files, guessed, no_value, other, placeholders } = &*LISTS;
        for list in [before_key, beginnings, behind, files, guessed, no_value, other, placeholders] {
            assert!(list.len() > 10);
        }
    }

    #[test]
    fn names_say_what_their_values_are() {
        let secrets = "DB_PASSWORD dbPassword db.password POSTGRES_PASS jwtSecret API_KEY api-key apiKey GITHUB_TOKEN \
             AWS_SECRET_ACCESS_KEY SECRET_KEY_BASE adminPassword1 DB_PASSWORD_PROD client_secret _authToken \
             client-key-data encryptionKey";
        for name in secrets.split_whitespace() {
            assert!(sort(name).is_some(), "{name}");
        }
        let others = "DB_PASSWORD_FILE passwordKey secretName existingSecret imagePullSecret tokenUrl server-tokens \
             external_secrets_replicas password-policy KEY public_key tokenSecretRef secretKeyRef resetPassword \
             token_ttl passwordLength PASSWORD_RESET_URL keyboard compass bypass tlsSecret monkey publicKey";
        for name in others.split_whitespace() {
            assert!(sort(name).is_none(), "{name}");
        }
    }

    #[test]
    fn values_are_secrets_or_nothing() {
        use Sort::{Password, Secret, Token};
        for (sort, text, is) in [
            (Password, "s3cret-hunter2", Value::Secret),
            (Password, "hunter", Value::Secret),
            (Password, "correcthorsebatterystaple", Value::Secret),
            (Password, "P@ssw.rd!", Value::Secret),
            (Password, "changeme", Value::Guessable),
            (Password, "Password", Value::Guessable),
            (Password, "4711", Value::Guessable),
            (Token, "q7Xw2ZkV9mPfB4hT", Value::Secret),
            (Token, "0c7d8e1a-52b4-4a34-9f3a-7c1e5b8d2064", Value::Secret),
            (Secret, "q7Xw2ZkV9mPfB4hT", Value::Secret),
            (Secret, "db-credentials", Value::Nothing),
            (Secret, "argocd-secret", Value::Nothing),
            (Secret, "shop/db", Value::Nothing),
            (Token, "password", Value::Guessable),
            (Token, "adminPassword", Value::Nothing),
            (Token, "4096", Value::Nothing),
            (Password, "", Value::Nothing),
            (Password, "true", Value::Nothing),
            (Password, "$(DB_PASSWORD)", Value::Nothing),
            (Password, "${DB_PASSWORD}", Value::Nothing),
            (Password, "{{ .Values.password }}", Value::Nothing),
            (Password, "<your password>", Value::Nothing),
            (Password, "<path:kv/data/db#password>", Value::Nothing),
            (Password, "/run/secrets/db", Value::Nothing),
            (Password, "secrets/db.txt", Value::Nothing),
            (Password, "grafana-admin-password", Value::Nothing),
            (Password, "getPassword()", Value::Nothing),
            (Password, "config.password", Value::Nothing),
            (Password, "https://vault.example/ui", Value::Nothing),
            (Password, "xxxxxxxxxx", Value::Nothing),
            (Password, "replace-m3-now", Value::Nothing),
            (Password, "the password of the database", Value::Nothing),
            (Token, "30s", Value::Nothing),
            (Token, "kubernetes", Value::Nothing),
            (Token, "vault:secret/data/db#password", Value::Nothing),
        ] {
            assert_eq!(value(sort, text), is, "{text}");
        }
    }
}
