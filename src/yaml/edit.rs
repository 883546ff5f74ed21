//! Changes to a text.
//!
//! Receives changes, said against a tree that stays as it is, and gives back a text that means exactly the tree with
//! these changes. It changes only the lines it must, and writes the object anew where that does not read back as meant.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::node::Style;
use super::{Fault, Kind, NodeId, Syntax, Tree, Value, splice, write};

/// What is to change. It has no `Debug`: values may be secrets.
///
/// A place stands for what is written there: what aliases or merges bring from one place to several changes in all of
/// them, except where [`Edits::insert`] goes through an alias or a merge, which then is written out.
#[derive(Default)]
pub struct Edits(pub(super) BTreeMap<NodeId, Vec<Change>>);

/// One change of one node.
pub(super) enum Change {
    /// To a list: one more item.
    Append(Value<'static>),
    /// To a key: another key and another value.
    Entry(String, Value<'static>),
    /// To a map: a key that it does not have itself.
    Insert(String, Value<'static>),
    /// To a key: it goes, with its value.
    Remove,
    /// To a key: another name.
    Rename(String),
    /// To a value: another one.
    Set(Value<'static>),
    /// To an alias: what it stands for, with something more below.
    Within(Vec<String>, Value<'static>),
}

/// A text that was changed.
pub struct Applied {
    /// The whole text.
    pub text: String,
    /// True where the object was written anew, because a splice did not read back as meant.
    pub anew: bool,
}

impl Edits {
    /// True where nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives a place another value.
    pub fn set(&mut self, n: NodeId, v: Value<'static>) {
        if let Some(old) = self.set_at_mut(n) {
            *old = v;
        } else {
            self.push(n, Change::Set(v));
        }
    }

    /// Gives what stands at the end of a path another value, creating the maps that are missing on the way.
    pub fn insert(&mut self, t: &Tree<'_>, from: NodeId, path: &[&str], v: Value<'static>) {
        let mut at = from;
        let mut rest = path;
        loop {
            if let Some(value) = self.set_at_mut(at) {
                return put(value, rest, v);
            }
            let Some((key, below)) = rest.split_first() else {
                return self.set(at, v);
            };
            if t.kind(at) != Kind::Map {
                return self.set(at, nested(rest, v));
            }
            if t.node(at).style == Style::Alias {
                let rest = rest.iter().map(|key| (*key).to_owned()).collect();
                return self.push(at, Change::Within(rest, v));
            }
            if let Some(value) = self.inserted_mut(at, key) {
                return put(value, below, v);
            }
            let own = t.own(at).find(|(own, _)| !t.is_merge(*own) && t.key(*own) == *key);
            let Some((own, value)) = own else {
                let mut whole = match t.entry(at, key) {
                    // What a merge brings is written out, so that nothing else changes with it.
                    Some((_, merged)) if !below.is_empty() => Value::of(t, merged).into_owned(),
                    _ => Value::Null,
                };
                put(&mut whole, below, v);
                return self.push(at, Change::Insert((*key).to_owned(), whole));
            };
            if self.keep(own) {
                return self.set(value, nested(below, v));
            }
            if t.node(value).style == Style::Alias && !below.is_empty() {
                let below = below.iter().map(|key| (*key).to_owned()).collect();
                return self.push(value, Change::Within(below, v));
            }
            at = value;
            rest = below;
        }
    }

    /// Removes an entry, given by its key.
    pub fn remove(&mut self, key: NodeId) {
        self.push(key, Change::Remove);
    }

    /// Gives a key another name.
    pub fn rename(&mut self, key: NodeId, to: String) {
        self.push(key, Change::Rename(to));
    }

    /// Adds an item at the end of a list.
    pub fn append(&mut self, list: NodeId, v: Value<'static>) {
        self.push(list, Change::Append(v));
    }

    /// Puts another entry in the place of one, given by its key.
    pub fn replace_entry(&mut self, key: NodeId, new_key: String, v: Value<'static>) {
        self.push(key, Change::Entry(new_key, v));
    }

    /// The text with these changes.
    pub fn apply(&self, t: &Tree<'_>, syntax: Syntax) -> Result<Applied, Fault> {
        if self.is_empty() {
            return Ok(Applied { text: t.said().to_owned(), anew: false });
        }
        let meant = self.meant(t, t.root())?;
        if let Some(text) = splice::splice(self, t)
            && Tree::parse(&text, syntax).is_ok_and(|back| Value::of(&back, back.root()) == meant)
        {
            return Ok(Applied { text, anew: false });
        }
        if !t.decoded.is_empty() {
            let hint = "write the base64 into data without the tag";
            return Err(Fault::at(t.said(), 0, "binary data stands in the way of an edit", hint));
        }
        Ok(Applied { text: anew(t, &meant, syntax), anew: true })
    }

    fn push(&mut self, n: NodeId, change: Change) {
        self.0.entry(n).or_default().push(change);
    }

    /// The value that a place is to get.
    fn set_at_mut(&mut self, n: NodeId) -> Option<&mut Value<'static>> {
        self.0.get_mut(&n)?.iter_mut().find_map(|change| match change {
            Change::Set(value) => Some(value),
            _ => None,
        })
    }

    /// The value of a key that a map is to get.
    fn inserted_mut(&mut self, map: NodeId, name: &str) -> Option<&mut Value<'static>> {
        self.0.get_mut(&map)?.iter_mut().find_map(|change| match change {
            Change::Insert(key, value) if key == name => Some(value),
            _ => None,
        })
    }

    /// Takes back the removal of a key; true where there was one.
    fn keep(&mut self, key: NodeId) -> bool {
        let Some(changes) = self.0.get_mut(&key) else {
            return false;
        };
        let before = changes.len();
        changes.retain(|change| !matches!(change, Change::Remove));
        let kept = changes.len() < before;
        if changes.is_empty() {
            self.0.remove(&key);
        }
        kept
    }

    /// The changes of a node.
    pub(super) fn of(&self, n: NodeId) -> &[Change] {
        self.0.get(&n).map_or(&[], Vec::as_slice)
    }

    /// What a place must mean afterwards.
    pub(super) fn meant<'t>(&'t self, t: &'t Tree<'_>, place: NodeId) -> Result<Value<'t>, Fault> {
        let target = t.target(place);
        for n in [place, target] {
            for change in self.of(n) {
                if let Change::Set(value) = change {
                    return Ok(value.clone());
                }
            }
        }
        let mut value = match t.kind(target) {
            Kind::Map => self.meant_map(t, target)?,
            Kind::Seq => self.meant_list(t, target)?,
            Kind::Scalar => {
                let appended: Vec<Value<'t>> = self.appended(target).collect();
                if appended.is_empty() { Value::of(t, target) } else { Value::List(appended) }
            }
        };
        for change in self.of(place) {
            match (change, &mut value) {
                (Change::Within(path, new), _) => {
                    let path: Vec<&str> = path.iter().map(String::as_str).collect();
                    put(&mut value, &path, new.clone());
                }
                (Change::Append(new), Value::List(items)) if place != target => {
                    items.push(new.clone());
                }
                _ => {}
            }
        }
        Ok(value)
    }

    fn meant_map<'t>(&'t self, t: &'t Tree<'_>, map: NodeId) -> Result<Value<'t>, Fault> {
        let mut entries: Vec<(Cow<'t, str>, Value<'t>)> = Vec::new();
        let mut merged = None;
        let mut changed = false;
        for (key, value) in t.own(map) {
            changed |= !self.of(key).is_empty();
            let mut name = t.key(key);
            let mut new = None;
            let mut gone = false;
            for change in self.of(key) {
                match change {
                    Change::Entry(to, value) => {
                        name = Cow::Borrowed(to);
                        new = Some(value.clone());
                    }
                    Change::Remove => gone = true,
                    Change::Rename(to) => name = Cow::Borrowed(to),
                    _ => {}
                }
            }
            if gone {
                continue;
            }
            let value = match new {
                Some(value) => value,
                None => self.meant(t, value)?,
            };
            if t.is_merge(key) {
                merged = Some((entries.len(), value));
            } else {
                entries.push((name, value));
            }
        }
        let sorted = entries.is_sorted_by(|a, b| a.0 <= b.0);
        for change in self.of(map) {
            let Change::Insert(key, value) = change else {
                continue;
            };
            changed = true;
            let after = entries.partition_point(|(known, _)| **known <= **key);
            let at = if sorted { after } else { entries.len() };
            entries.insert(at, (Cow::Borrowed(key), value.clone()));
        }
        let names: BTreeSet<&Cow<'_, str>> = entries.iter().map(|(key, _)| key).collect();
        if changed && names.len() < entries.len() {
            let message = "two changes would give a map one key twice";
            let at = t.node(map).start as usize;
            return Err(Fault::at(t.said(), at, message, "rename one of the keys"));
        }
        if let Some((at, value)) = merged {
            merge(&mut entries, at, value);
        }
        Ok(Value::Map(entries))
    }

    fn meant_list<'t>(&'t self, t: &'t Tree<'_>, list: NodeId) -> Result<Value<'t>, Fault> {
        let mut items = Vec::new();
        for item in t.children(list) {
            items.push(self.meant(t, item)?);
        }
        items.extend(self.appended(list));
        Ok(Value::List(items))
    }

    /// What a list is to get.
    fn appended(&self, list: NodeId) -> impl Iterator<Item = Value<'_>> {
        self.of(list).iter().filter_map(|change| match change {
            Change::Append(value) => Some(value.clone()),
            _ => None,
        })
    }
}

/// Adds what a merge brings, where the map has no such key; of two lists' maps the first one wins.
fn merge<'t>(entries: &mut Vec<(Cow<'t, str>, Value<'t>)>, at: usize, value: Value<'t>) {
    let maps = match value {
        Value::List(maps) => maps,
        map => vec![map],
    };
    let mut names: BTreeSet<Cow<'t, str>> = entries.iter().map(|(key, _)| key.clone()).collect();
    let mut at = at;
    for map in maps {
        let Value::Map(brought) = map else {
            continue;
        };
        for (key, value) in brought {
            if names.insert(key.clone()) {
                entries.insert(at, (key, value));
                at += 1;
            }
        }
    }
}

/// The object written anew, in the style and with the line ends of the text.
fn anew(t: &Tree<'_>, meant: &Value<'_>, syntax: Syntax) -> String {
    let is_flow = matches!(t.node(t.root()).style, Style::FlowMap | Style::FlowSeq);
    let text = match syntax {
        Syntax::Document if is_flow => meant.write(Syntax::Inline),
        Syntax::Document => [t.leading(), &meant.write(syntax)].concat(),
        _ => meant.write(syntax),
    };
    write::line_ends(t.said(), text)
}

/// `v` below maps of these keys.
fn nested(path: &[&str], v: Value<'static>) -> Value<'static> {
    path.iter().rev().fold(v, |value, key| Value::map([((*key).to_owned(), value)]))
}

/// Puts `new` at the end of a path below a value, creating the maps that are missing.
fn put(value: &mut Value<'_>, path: &[&str], new: Value<'static>) {
    let Some((key, below)) = path.split_first() else {
        *value = new;
        return;
    };
    if !matches!(value, Value::Map(_)) {
        *value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = value else {
        return;
    };
    match entries.iter_mut().find(|(known, _)| known == key) {
        Some((_, old)) => put(old, below, new),
        None => entries.push((Cow::Owned((*key).to_owned()), nested(below, new))),
    }
}
