//! Finds a value wherever it stands, in whatever form: the table of encodings, and what searches for all of them at once.
//!
//! A finding names the canary and the form, never the value.

#![allow(clippy::format_collect, reason = "a test joins what it reads and tells as it comes")]

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use ring::digest;

/// How a value is written down: all ways that go by one name.
pub(crate) type Encoding = fn(&[u8]) -> Vec<Vec<u8>>;

/// Every form that a value might take on its way out. Text forms of what is no text are none.
pub(crate) const ENCODINGS: [(&str, Encoding); 24] = [
    ("raw", |value| vec![value.to_vec()]),
    ("eight bytes of it", |value| value.windows(8).map(<[u8]>::to_vec).collect()),
    ("reversed", |value| vec![value.iter().rev().copied().collect()]),
    ("broken into lines", |value| vec![value.iter().copied().filter(|b| !b" \n".contains(b)).collect()]),
    ("other case", |value| texts(value, |text| vec![text.to_lowercase(), text.to_uppercase()])),
    ("UTF-16", |value| {
        let units = |each: fn(u16) -> [u8; 2]| String::from_utf8_lossy(value).encode_utf16().flat_map(each).collect();
        if std::str::from_utf8(value).is_ok() { vec![units(u16::to_le_bytes), units(u16::to_be_bytes)] } else { vec![] }
    }),
    ("base64 at three offsets", |value| in_base64(value, false)),
    ("base64 for URLs at three offsets", |value| in_base64(value, true)),
    ("base64 of base64", |value| in_base64(value, false).iter().flat_map(|once| in_base64(once, false)).collect()),
    ("base64 for URLs of base64", |value| {
        in_base64(value, true).iter().flat_map(|once| in_base64(once, true)).collect()
    }),
    ("hex", |value| ["", " ", ":", ", "].map(|between| each(value, between, |b| format!("{b:02x}"))).into()),
    ("hex in capitals", |value| {
        ["", " ", ":", ", "].map(|between| each(value, between, |b| format!("{b:02X}"))).into()
    }),
    ("hex with 0x", |value| ["", " ", ", "].map(|between| each(value, between, |b| format!("{b:#04x}"))).into()),
    ("escaped bytes", |value| {
        vec![each(value, "", |b| format!("\\x{b:02x}")), value.escape_ascii().to_string().into_bytes()]
    }),
    ("decimals", |value| [", ", ",", " "].map(|between| each(value, between, ToString::to_string)).into()),
    ("URL", |value| {
        let once = url(value, |_| false);
        vec![
            each(value, "", |b| format!("%{b:02x}")),
            each(value, "", |b| format!("%{b:02X}")),
            once.replace("%20", "+").into_bytes(),
            once.replace('%', "%25").into_bytes(),
            url(value, |b| b"!$&'()*+,;=:@/?".contains(&b)).into_bytes(),
            once.into_bytes(),
        ]
    }),
    ("HTML", |value| {
        let named = |text: &str| {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            vec![text.replace('"', "&quot;"), text.replace('"', "&#34;").replace('\'', "&#39;")]
        };
        let numbered = |text: &str| vec![text.chars().map(|c| format!("&#{};", u32::from(c))).collect()];
        [texts(value, named), texts(value, numbered)].concat()
    }),
    ("JSON", |value| texts(value, |text| vec![json(text)])),
    ("JSON, each character escaped", |value| {
        texts(value, |text| vec![text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()])
    }),
    ("JSON in JSON", |value| texts(value, |text| vec![json(&json(text))])),
    ("YAML", |value| texts(value, |text| vec![text.replace('\'', "''"), text.replace('\n', "\n\n")])),
    ("shell", |value| texts(value, |text| vec![text.replace('\'', "'\\''"), text.replace('\'', "'\"'\"'")])),
    ("Rust", |value| texts(value, |text| vec![text.escape_debug().to_string(), text.escape_default().to_string()])),
    ("a digest without a key", |value| {
        let of = |bytes: &[u8]| {
            [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256, &digest::SHA512]
                .into_iter()
                .flat_map(move |kind| {
                    let digest = digest::digest(kind, bytes).as_ref().to_vec();
                    let hex = each(&digest, "", |b| format!("{b:02x}"));
                    [hex[..12].to_vec(), STANDARD.encode(&digest).as_bytes()[..10].to_vec()]
                })
                .collect::<Vec<_>>()
        };
        [of(value), of(&[value, b"\n"].concat())].concat()
    }),
];

/// The forms of a value with their names; none so short that it would be found anywhere.
pub(crate) fn forms(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let named = |(name, encode): &(&'static str, Encoding)| {
        let name = *name;
        encode(value).into_iter().map(move |form| (name, form))
    };
    let mut forms: Vec<(&'static str, Vec<u8>)> = ENCODINGS.iter().flat_map(named).collect();
    forms.retain(|(_, form)| form.len() >= value.len().min(8));
    forms
}

fn texts(value: &[u8], ways: impl Fn(&str) -> Vec<String>) -> Vec<Vec<u8>> {
    std::str::from_utf8(value).map_or_else(|_| vec![], |text| ways(text).into_iter().map(String::into_bytes).collect())
}

fn each(value: &[u8], between: &str, form: fn(&u8) -> String) -> Vec<u8> {
    value.iter().map(form).collect::<Vec<_>>().join(between).into_bytes()
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Percent where it is needed; `plain` says of what else it is not.
fn url(value: &[u8], plain: fn(u8) -> bool) -> String {
    let stays = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || plain(byte);
    value.iter().map(|&byte| if stays(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Base64 at three offsets: the middle that depends on nothing but the value.
fn in_base64(value: &[u8], for_urls: bool) -> Vec<Vec<u8>> {
    let at = |shift: usize| {
        let padded = [&[0; 2][..shift], value].concat();
        let (from, to) = ((8 * shift).div_ceil(6), 8 * (shift + value.len()) / 6);
        let text = if for_urls { URL_SAFE_NO_PAD.encode(&padded) } else { STANDARD_NO_PAD.encode(&padded) };
        text.as_bytes()[from..to].to_vec()
    };
    (0..3).map(at).collect()
}

/// Searches for all forms of all canaries in one pass.
pub(crate) struct Hunter {
    forms: AhoCorasick,
    names: Vec<(&'static str, &'static str)>,
}

impl Hunter {
    pub(crate) fn new(canaries: &[(&'static str, Vec<u8>)]) -> Self {
        let (mut patterns, mut names) = (vec![], vec![]);
        for (canary, value) in canaries {
            for (form, bytes) in forms(value) {
                patterns.push(bytes);
                names.push((*canary, form));
            }
        }
        Self { forms: AhoCorasick::new(patterns).unwrap(), names }
    }

    /// Which canary stands there, and in which form; lines are joined, as base64 is often broken.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<(&'static str, &'static str)> {
        let joined: Vec<u8> = bytes.iter().copied().filter(|byte| !matches!(byte, b'\n' | b' ')).collect();
        let mut found = vec![];
        for text in [bytes, &joined] {
            found.extend(self.forms.find_overlapping_iter(text).map(|hit| self.names[hit.pattern()]));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
