//! One page in HTML that holds all it needs: where each Secret comes from, who uses it, and who can read it, and why.
//!
//! Receives names, places and rules; never a value. It is a plain list that opens and closes without a script; the
//! script only filters. The browser is told to run and to fetch nothing else (Content Security Policy).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::error::Quiet;

/// A Secret with all that is known of it.
pub struct Row {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What gives it its content: an address, and below it where that is looked up.
    pub sources: Vec<(String, Option<String>)>,
    /// What stands for it: `ExternalSecret, stdin:4`.
    pub objects: Vec<String>,
    /// Workloads and others that name it, with where they stand.
    pub uses: Vec<(String, String)>,
    /// Who can read it.
    pub readers: Vec<Reader>,
    /// Who could in any cluster, by the roles that each has.
    pub always: Vec<String>,
}

/// Somebody who can read a Secret.
pub struct Reader {
    /// `ServiceAccount shop/web`.
    pub subject: String,
    /// True where a right of his own lets him.
    pub by_right: bool,
    /// Each way: what he may do, and the grants that it rests on.
    pub ways: Vec<(String, Vec<String>)>,
}

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// The page.
#[must_use]
pub fn page(rows: &[Row]) -> String {
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let mut readers: Vec<&str> =
        rows.iter().flat_map(|row| &row.readers).map(|reader| reader.subject.as_str()).collect();
    readers.sort_unstable();
    readers.dedup();
    let counts = format!("{}, {}", count(rows.len(), "Secret"), count(readers.len(), "reader"));
    let list: String = rows.iter().map(row).collect();
    let empty = if rows.is_empty() { "<p>No Secret, and no reference to one.</p>\n" } else { "" };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; style-src '{}'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"generator\" content=\"sealref {}\">\n<title>Who can read which Secret</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Who can read which Secret</h1>\n\
         <p>{counts}. Open a Secret, then a reader: the second shows why. Who mounts a Secret needs no right; \
         who may run or enter pods beside it reads it by a detour.</p>\n\
         <form id=\"filter\" role=\"search\" hidden><label for=\"words\">Show what holds</label> \
         <input id=\"words\" type=\"search\" autocomplete=\"off\" \
         placeholder=\"a Secret, a namespace, a workload, a reader\"> \
         <output id=\"shown\" for=\"words\"></output></form>\n{empty}<ul class=\"secrets\">\n{list}</ul>\n</main>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        hash(SCRIPT),
        hash(STYLE),
        env!("CARGO_PKG_VERSION")
    )
}

/// What a Content Security Policy (level 2) calls an inline script or style.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn row(row: &Row) -> String {
    let rights = row.readers.iter().filter(|reader| reader.by_right).count();
    let detours = row.readers.len() - rights;
    let facts = [(row.uses.len(), "use"), (rights, "by right"), (detours, "by detour")];
    let facts: Vec<String> = facts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| {
            let plural = if *what == "use" && *number > 1 { "s" } else { "" };
            format!(" <span class=\"fact\">{number} {what}{plural}</span>")
        })
        .collect();
    let sources = row.sources.iter().map(|(what, below)| {
        let below = below.as_ref().map(|below| format!("<br><small>{}</small>", safe(below))).unwrap_or_default();
        format!("<code>{}</code>{below}", safe(what))
    });
    let objects = row.objects.iter().map(|object| safe(object));
    let uses = row.uses.iter().map(|(what, place)| format!("{} <small>{}</small>", safe(what), safe(place)));
    let always = if row.always.is_empty() {
        String::new()
    } else {
        let always: Vec<String> = row.always.iter().map(|subject| format!("<li>{}</li>", safe(subject))).collect();
        let count = row.always.len();
        format!(
            "<details class=\"always\"><summary>{count} more in every cluster</summary><ul>{}</ul></details>",
            always.concat()
        )
    };
    format!(
        "<li><details id=\"{id}\"><summary><span class=\"namespace\">{}/</span><b>{}</b>{}</summary>\n\
         <div class=\"map\">{}{}{}<section><h2>Can be read by</h2>{}{always}</section></div></details></li>\n",
        safe(&row.namespace),
        safe(&row.name),
        facts.concat(),
        section("Comes from", sources, "nothing that is known"),
        section("Is made by", objects, "nothing here"),
        section("Is used by", uses, "nothing here"),
        readers(&row.readers),
        id = safe(&format!("{}/{}", row.namespace, row.name)),
    )
}

/// A part of the map; its items are markup already.
fn section(title: &str, items: impl Iterator<Item = String>, none: &str) -> String {
    let items: Vec<String> = items.map(|item| format!("<li>{item}</li>")).collect();
    let list =
        if items.is_empty() { format!("<p class=\"none\">{none}</p>") } else { format!("<ul>{}</ul>", items.concat()) };
    format!("<section><h2>{title}</h2>{list}</section>")
}

fn readers(readers: &[Reader]) -> String {
    let one = |reader: &Reader| {
        let ways: String = reader.ways.iter().map(way).collect();
        let (class, how) = if reader.by_right { ("right", "by right") } else { ("detour", "by detour") };
        format!(
            "<li><details><summary>{} <span class=\"{class}\">{how}</span></summary><ul class=\"why\">{ways}</ul>\
             </details></li>",
            safe(&reader.subject)
        )
    };
    if readers.is_empty() {
        return "<p class=\"none\">nobody, by what is here</p>".to_owned();
    }
    format!("<ul class=\"readers\">{}</ul>", readers.iter().map(one).collect::<String>())
}

fn way((what, grants): &(String, Vec<String>)) -> String {
    let grants: Vec<String> = grants.iter().map(|grant| format!("<li>{}</li>", safe(grant))).collect();
    format!("<li>{}<ul>{}</ul></li>", safe(what), grants.concat())
}

/// Text that is nothing but text, in an attribute too.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Quiet(text).to_string().chars() {
        match c {
            '"' => out.push_str("&quot;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}
