//! Placeholders of queries and texts.
//!
//! `$namespaces` and `$objects` choose the objects of the stream, `$namespace` is the label that holds a namespace. A text
//! with `$left`, the seconds that a certificate has left, is written once for each; `$certificate` and `$date` are its own.

use std::collections::BTreeSet;

use super::{Controller, Ending, Query, SOON, Terms};
use crate::model::Identity;

/// What placeholders become.
pub(super) struct Filling<'t> {
    label: &'static str,
    namespaces: String,
    objects: String,
    certificate: Option<&'t Ending>,
}

impl<'t> Filling<'t> {
    /// One for each time that a query is written: none where the stream holds nothing that it is about.
    pub(super) fn of(controller: &Controller, query: &Query, terms: &'t Terms) -> Vec<Self> {
        let of_group = terms.objects.iter().filter(|identity| identity.group() == controller.group);
        let objects: Vec<&Identity> = of_group.filter(|identity| query.is_about(identity)).collect();
        if objects.is_empty() {
            return vec![];
        }
        let label = terms.label.unwrap_or(controller.label).name();
        let filling = |certificate| Self {
            label,
            namespaces: chosen(label, objects.iter().map(|identity| identity.namespace.as_deref())),
            objects: chosen("name", objects.iter().map(|identity| Some(identity.name.as_str()))),
            certificate,
        };
        if query.is_about_certificates() {
            return terms.certificates.iter().map(|ending| filling(Some(ending))).collect();
        }
        vec![filling(None)]
    }

    /// The certificate that it is about.
    pub(super) fn certificate(&self) -> Option<&'t Ending> {
        self.certificate
    }

    pub(super) fn query(&self, query: &Query) -> String {
        // Nothing is chosen where nothing is known
        self.text(&query.text).replace(",}", "}").replace("{}", "")
    }

    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.replace("$namespaces", &self.namespaces).replace("$objects", &self.objects);
        if let Some(ending) = self.certificate {
            text = text.replace("$left", &format!("(vector({}) - time())", ending.until));
            text = text.replace("$certificate", &ending.certificate).replace("$date", &ending.date);
        }
        text.replace("$namespace", self.label).replace("$soon", &SOON.to_string())
    }
}

/// A matcher of PromQL; empty where a value is not known, or is filled in later.
fn chosen<'v>(label: &str, values: impl Iterator<Item = Option<&'v str>>) -> String {
    let of_names = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let is_name = |value: &&str| !value.is_empty() && value.chars().all(of_names);
    let values: Option<BTreeSet<&str>> = values.map(|value| value.filter(is_name)).collect();
    let values: Vec<&str> = values.unwrap_or_default().into_iter().collect();
    match values.as_slice() {
        [] => String::new(),
        [one] => format!("{label}=\"{one}\""),
        all => format!("{label}=~\"{}\"", all.join("|").replace('.', "[.]")),
    }
}
