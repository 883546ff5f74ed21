//! Formats of tokens that their vendors document, in `tokens.tsv`: a text is looked at only where it holds a word of
//! the format, and what was found must be random enough (Shannon's entropy, in bits for each character).
//!
//! Matching takes linear time, whatever the text.

use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

use aho_corasick::AhoCorasick;
use regex::bytes::{Regex, RegexBuilder};

/// One format.
struct Format {
    what: &'static str,
    entropy: f64,
    pattern: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

/// All formats, and the words that lead to them by the words' numbers.
struct Formats {
    all: Vec<Format>,
    words: Option<AhoCorasick>,
    leads_to: Vec<usize>,
}

static FORMATS: LazyLock<Formats> = LazyLock::new(|| {
    let (mut all, mut words, mut leads_to) = (vec![], vec![], vec![]);
    for line in include_str!("tokens.tsv").lines().skip(1) {
        let columns: Vec<&'static str> = line.splitn(5, '\t').collect();
        let [_, what, its, entropy, pattern] = columns.as_slice() else { continue };
        for word in its.split(',') {
            words.push(word);
            leads_to.push(all.len());
        }
        all.push(Format { what, entropy: entropy.parse().unwrap_or(0.0), pattern, compiled: OnceLock::new() });
    }
    Formats { all, words: AhoCorasick::new(words).ok(), leads_to }
});

/// What kind of token a text holds, in words; never the token.
pub(super) fn find(text: &str) -> Option<&'static str> {
    all(text).next().map(|(what, _)| what)
}

/// Every kind of token in a text, in words, and how many of each.
pub(super) fn all(text: &str) -> impl Iterator<Item = (&'static str, usize)> {
    let formats = &*FORMATS;
    let words = formats.words.iter().flat_map(|words| words.find_overlapping_iter(text));
    let found: BTreeSet<usize> =
        words.filter_map(|word| formats.leads_to.get(word.pattern().as_usize()).copied()).collect();
    let formats = found.into_iter().filter_map(|at| formats.all.get(at));
    formats.map(move |format| (format.what, format.count(text))).filter(|(_, count)| *count > 0)
}

impl Format {
    fn count(&self, text: &str) -> usize {
        let compiled = self.compiled.get_or_init(|| RegexBuilder::new(self.pattern).unicode(false).build().ok());
        let Some(pattern) = compiled else { return 0 };
        let is_one = |found: &[u8]| {
            // Vendors' own pages end their examples so
            entropy(found) > self.entropy && !found.ends_with(b"EXAMPLE") && !is_filler(found)
        };
        pattern.find_iter(text.as_bytes()).filter(|found| is_one(found.as_bytes())).count()
    }
}

/// `xxxxxxxx`, `00000000`: eight of one letter in a row.
fn is_filler(text: &[u8]) -> bool {
    text.windows(8).any(|part| part.iter().all(|byte| Some(byte) == part.first() && *byte != b'-'))
}

/// Shannon's entropy in bits for each byte.
pub(super) fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in text {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / length;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * libm::log2(share(count))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test data, in pieces so that nobody takes it for a token: `{w36}` are 36 letters and digits, `{h}` hexadecimal
    /// digits, `{d}` digits, `{l}` small letters, `{B}` capitals and digits from 2 to 7.
    const SAMPLES: &[(&str, &str)] = &[
        ("age-identity", "AGE-SECRET|-KEY-1|{B58}"),
        ("anthropic-key", "sk-|ant-api03-{w93}AA"),
        ("artifactory-token", "AK|Cp{w69}"),
        ("atlassian-token", "ATA|TT3{w180}"),
        ("aws-access-key", "AK|IA{B16}"),
        ("aws-bedrock-key", "AB|SK{w120}"),
        ("azure-client-secret", "abc8|Q~{w34}"),
        ("azure-connection", "SharedAccess|Key={w43}="),
        ("azure-sas", "?se=2030&s|ig={w44}%3D"),
        ("azure-storage-key", "Account|Key={w86}=="),
        ("bitbucket-token", "AT|BB{w32}"),
        ("brevo-key", "xkey|sib-{h64}-{w16}"),
        ("cloudflare-key", "v1|.0-{h24}-{h146}"),
        ("crates-token", "ci|o{w32}"),
        ("databricks-token", "da|pi{h32}"),
        ("digitalocean-token", "do|p_v1_{h64}"),
        ("discord-webhook", "https://discord|.com/api/webhooks/{d18}/{w68}"),
        ("docker-token", "dckr|_pat_{w27}"),
        ("doppler-token", "dp|.pt.{w43}"),
        ("dynatrace-token", "dt0|c01.{B24}.{B64}"),
        ("figma-token", "fig|d_{w40}"),
        ("fly-token", "Fly|V1 fm2_{w160}"),
        ("github-token", "gh|p_{w36}"),
        ("gitlab-token", "glp|at-{w20}"),
        ("google-account-key", "\"private_|key_id\": \"{h40}\""),
        ("google-api-key", "AI|za{w35}"),
        ("google-oauth-secret", "GOC|SPX-{w28}"),
        ("google-oauth-token", "ya|29.{w60}"),
        ("grafana-token", "gl|sa_{w32}_{h8}"),
        ("heroku-key", "HR|KU-{w36}"),
        ("huggingface-token", "h|f_{l34}"),
        ("json-web-token", "ey|J{w20}|.ey|J{w20}|.{w43}"),
        ("linear-key", "lin|_api_{w40}"),
        ("mailchimp-key", "{h32}|-us12"),
        ("mailgun-key", "ke|y-{h32}"),
        ("newrelic-key", "NR|AK-{B27}"),
        ("notion-token", "nt|n_{d11}{w35}"),
        ("npm-token", "np|m_{w36}"),
        ("nuget-key", "oy|2{l43}"),
        ("onepassword-token", "ops|_eyJ{w260}"),
        ("openai-key", "sk|-proj-{w74}|T3Blbk|FJ{w74}"),
        ("openshift-token", "sha|256~{w43}"),
        ("pgp-key", "-----BEGIN| PGP PRIVATE| KEY BLOCK-----"),
        ("planetscale-token", "pscale|_pw_{w43}"),
        ("postman-key", "PM|AK-{h24}-{h34}"),
        ("private-key", "-----BEGIN| PRIVATE| KEY-----|\n|{w64}"),
        ("pulumi-token", "pu|l-{h40}"),
        ("putty-key", "PuTTY-User|-Key-File-3:"),
        ("pypi-token", "pyp|i-AgE{w80}"),
        ("rubygems-key", "ruby|gems_{h48}"),
        ("sendgrid-key", "S|G.{w22}.{w43}"),
        ("sentry-token", "sntry|u_{h64}"),
        ("shopify-token", "shp|at_{h32}"),
        ("slack-token", "xo|xb-{d12}-{d12}-{w24}"),
        ("slack-webhook", "https://hooks.slack|.com/services/T{B8}/B{B8}/{w24}"),
        ("square-token", "sq0|atp-{w22}"),
        ("stripe-key", "sk|_live_{w24}"),
        ("supabase-key", "sb|p_{h40}"),
        ("tailscale-key", "ts|key-auth-{w12}-{w32}"),
        (
            "teams-webhook",
            "https://x.webhook.office|.com/webhookb2/{h8}-{h4}-{h4}-{h4}-{h12}@{h8}-{h4}-{h4}-{h4}-{h12}/IncomingWebhook/{h32}/a",
        ),
        ("telegram-token", "{d9}|:A{w34}"),
        ("terraform-token", "{w14}|.atlas|v1.{w67}"),
        ("twilio-key", "S|K{h32}"),
        ("vault-token", "hv|s.{w90}"),
    ];

    fn fill(sample: &str) -> String {
        let mut text = String::new();
        for piece in sample.replace('|', "").split_inclusive('}') {
            let (before, hole) = piece.split_once('{').unwrap_or((piece, ""));
            text.push_str(before);
            let Some((class, count)) = hole.strip_suffix('}').and_then(|hole| hole.split_at_checked(1)) else {
                continue;
            };
            let letters = match class {
                "B" => "Q7XWZ3M5N6PRKT2VDLJ4GHCY",
                "d" => "7391846205",
                "h" => "9f3a7c1e5b8d2064",
                "l" => "qzxwvkjpmfbghtdnrslc",
                _ => "q7Xw2ZkV9mPfB4hTdN8rSgLcJ3yE5uA6",
            };
            text.extend(letters.chars().cycle().take(count.parse().unwrap()));
        }
        text
    }

    #[test]
    fn every_format_is_found_and_its_words_alone_are_not() {
        let lines: Vec<&str> = include_str!("tokens.tsv").lines().skip(1).collect();
        assert!(lines.len() >= 60, "{}", lines.len());
        assert_eq!(lines.len(), SAMPLES.len());
        for (line, (id, sample)) in lines.iter().zip(SAMPLES) {
            let columns: Vec<&str> = line.splitn(5, '\t').collect();
            assert_eq!(columns[0], *id);
            let token = fill(sample);
            assert_eq!(find(&format!("x: \"{token}\"\n")), Some(columns[1]), "{id}: {token}");
            for word in columns[2].split(',').filter(|_| !id.contains("pgp") && !id.contains("putty")) {
                assert_eq!(find(&format!("{word} and text")), None, "{id}");
            }
        }
    }

    #[test]
    fn what_only_looks_like_a_token_is_none() {
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "sha256:9f3a7c1e5b8d20649f3a7c1e5b8d20649f3a7c1e5b8d20649f3a7c1e5b8d2064",
            "SKIP this and that",
            "https://example.com/api/webhooks/",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }
}
