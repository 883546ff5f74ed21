//! Variables and rewrites, on parsed addresses, before anybody judges them.

use crate::error::{Problem, nearest};
use crate::model::{Address, Raw};
use crate::settings::Settings;
use crate::sources;

/// Fills `{name}` in the path and the property, then follows the first rewrite that matches.
pub(super) fn settle(address: &mut Address, settings: &Settings) -> Result<(), Problem> {
    if let Some(filled) = filled(&address.path, settings)? {
        address.path = filled.into();
    }
    if let Some(property) = &address.property
        && let Some(filled) = self::filled(property, settings)?
    {
        address.property = Some(filled.into());
    }
    let rewritten = settings.rewrites.iter().find_map(|rewrite| {
        let here = rewrite.scheme.eq_ignore_ascii_case(address.scheme.0);
        let captured = if here { rewrite.from.capture(&address.path) } else { None }?;
        Some((rewrite, captured))
    });
    let Some((rewrite, captured)) = rewritten else {
        return Ok(());
    };
    let unfit = || Problem::new("a rewrite has more wildcards behind than before").hint("see rewrites in the settings");
    let path = rewrite.to.fill(&captured).ok_or_else(unfit)?;
    // Parameters such as a version mean something to the old scheme only.
    let raw = Raw {
        path: path.into(),
        parameters: vec![],
        fragment: address.property.clone(),
        whole: address.property.is_none(),
    };
    *address = sources::resolve(&rewrite.to_scheme, raw)?;
    Ok(())
}

/// None where no `{name}` is in the text.
fn filled(text: &str, settings: &Settings) -> Result<Option<String>, Problem> {
    if memchr::memchr2(b'{', b'}', text.as_bytes()).is_none() {
        return Ok(None);
    }
    let unclosed = || Problem::new("a \"{\" or \"}\" in the reference is not part of a variable").hint("write {name}");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').ok_or_else(unclosed)?;
        let value = settings.variables.get(name).ok_or_else(|| unknown(name, settings))?;
        out.push_str(before);
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    if out.contains('}') { Err(unclosed()) } else { Ok(Some(out)) }
}

fn unknown(name: &str, settings: &Settings) -> Problem {
    let names = || settings.variables.keys().map(String::as_str);
    let hint = match nearest(name, names()) {
        Some(near) => format!("did you mean {{{near}}}?"),
        None if settings.variables.is_empty() => "choose an environment with variables: --environment NAME".to_owned(),
        None => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
    };
    Problem::new(format!("no variable is called \"{name}\"")).hint(hint)
}
