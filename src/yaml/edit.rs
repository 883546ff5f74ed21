//! Changes to a text.
//!
//! Receives changes, said against a tree that stays as it is, and gives back a text that means exactly the tree with
//! these changes. It changes only the lines it must, and writes the object anew where that does not read back as meant.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::node::Style;
use super::{Fault, NodeId, Syntax, Tree, Value, splice, write};

/// What is to change. It has no `Debug`: values may be secrets.
///
/// A place stands for what is written there: what aliases or merges bring from one place to several changes in all of
/// them, except where [`Edits::insert`] goes through an alias or a merge, which then is written out.
#[derive(Default)]
pub struct Edits(BTreeMap<NodeId, Vec<Change>>);

/// One change of one node. Of several changes of a key the last one counts.
pub(super) enum Change {
    /// To a value: one more item.
    Append(Value<'static>),
    /// To a key: another key and another value.
    Entry(String, Value<'static>),
    /// To a value: another value at the end of this path, whose first key is not there yet.
    Insert(Vec<String>, Value<'static>),
    /// To a key: it goes, with its value.
    Remove,
    /// To a key: another name.
    Rename(String),
    /// To a value: another one.
    Set(Value<'static>),
}

/// A text that was changed.
pub struct Applied {
    /// The whole text.
    pub text: String,
    /// True where the object was written anew: a splice did not read back as meant, or one line was asked for.
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
        self.push(n, Change::Set(v));
    }

    /// Gives what stands at the end of a path another value, creating the maps that are missing on the way.
    pub fn insert(&mut self, t: &Tree<'_>, from: NodeId, path: &[&str], v: Value<'static>) {
        let Some((key, below)) = path.split_first() else {
            return self.set(from, v);
        };
        if matches!(t.node(from).style, Style::BlockMap | Style::FlowMap) && !self.is_set(from) {
            let mut own = t.own(from).filter(|(own, _)| !t.is_merge(*own) && t.key(*own) == *key);
            if let Some((_, value)) =
                own.find(|(own, _)| !matches!(self.of_key(*own), Some(Change::Remove | Change::Entry(..))))
            {
                return self.insert(t, value, below, v);
            }
            // What a merge brings is written out, so that nothing else changes with it.
            let is_new = self.inserted(from).get(key).is_none();
            let merged = t.entry(from, key).filter(|(key, _)| is_new && t.parent(*key) != Some(from));
            if let Some((_, value)) = merged {
                self.push(from, Change::Insert(vec![(*key).to_owned()], Value::of(t, value).into_owned()));
            }
        }
        self.push(from, Change::Insert(path.iter().map(|key| (*key).to_owned()).collect(), v));
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
        if !matches!(syntax, Syntax::Line { .. })
            && let Some(text) = splice::splice(self, t)
            && Tree::parse(&text, syntax).is_ok_and(|back| Value::of(&back, back.root()) == meant)
        {
            return Ok(Applied { text, anew: false });
        }
        if !t.more().decoded.is_empty() {
            let hint = "write the base64 into data without the tag";
            return Err(Fault::at(t.said(), 0, "binary data stands in the way of an edit", hint));
        }
        Ok(Applied { text: anew(t, &meant, syntax), anew: true })
    }

    fn push(&mut self, n: NodeId, change: Change) {
        self.0.entry(n).or_default().push(change);
    }

    /// The changes of a node.
    pub(super) fn of(&self, n: NodeId) -> &[Change] {
        self.0.get(&n).map_or(&[], Vec::as_slice)
    }

    /// The change of a key.
    pub(super) fn of_key(&self, key: NodeId) -> Option<&Change> {
        self.of(key).last()
    }

    /// True where a place gets a value that has nothing to do with what was there.
    pub(super) fn is_set(&self, n: NodeId) -> bool {
        self.of(n).iter().any(|change| matches!(change, Change::Set(_)))
    }

    /// What a map gets itself, said by several changes or one.
    pub(super) fn inserted(&self, map: NodeId) -> Value<'_> {
        let mut new = Value::Map(Vec::new());
        for change in self.of(map) {
            if let Change::Insert(path, value) = change {
                put(&mut new, path, value);
            }
        }
        new
    }

    /// What a place must mean afterwards.
    pub(super) fn meant<'t>(&'t self, t: &'t Tree<'_>, n: NodeId) -> Result<Value<'t>, Fault> {
        let mut value = match t.node(n).style {
            _ if self.is_set(n) => Value::Null,
            Style::Alias => self.meant(t, t.target(n))?,
            Style::BlockMap | Style::FlowMap => self.meant_map(t, n)?,
            Style::BlockSeq | Style::FlowSeq => {
                Value::List(t.children(n).map(|item| self.meant(t, item)).collect::<Result<_, _>>()?)
            }
            _ => Value::of(t, n),
        };
        for change in self.of(n) {
            match (change, &mut value) {
                (Change::Append(new), Value::List(items)) => items.push(new.clone()),
                (Change::Append(new), _) => value = Value::List(vec![new.clone()]),
                (Change::Insert(path, new), _) => put(&mut value, path, new),
                (Change::Set(new), _) => value = new.clone(),
                (Change::Entry(..) | Change::Remove | Change::Rename(_), _) => {}
            }
        }
        Ok(value)
    }

    /// A map with its entries' changes, but without what it gets itself.
    fn meant_map<'t>(&'t self, t: &'t Tree<'_>, map: NodeId) -> Result<Value<'t>, Fault> {
        let mut entries: Vec<(Cow<'t, str>, Value<'t>)> = Vec::new();
        let (mut merged, mut gone) = (None, BTreeSet::new());
        for (key, value) in t.own(map) {
            let change = self.of_key(key);
            if matches!(change, Some(Change::Entry(..) | Change::Remove | Change::Rename(_))) {
                gone.insert(t.key(key));
            }
            if matches!(change, Some(Change::Remove)) && self.0.range(value..t.node(value).after).next().is_some() {
                let hint = "keep the two apart";
                return Err(t.fault(key, "a name would have to change in what is lifted", hint));
            }
            let (name, value) = match change {
                Some(Change::Entry(name, value)) => (Cow::Borrowed(name.as_str()), value.clone()),
                Some(Change::Remove) => continue,
                Some(Change::Rename(name)) => (Cow::Borrowed(name.as_str()), self.meant(t, value)?),
                _ if t.is_merge(key) => {
                    merged = Some((entries.len(), self.meant(t, value)?));
                    continue;
                }
                _ => (t.key(key), self.meant(t, value)?),
            };
            entries.push((name, value));
        }
        let new = self.inserted(map).into_entries();
        let names: BTreeSet<&str> = entries.iter().chain(&new).map(|(name, _)| &**name).collect();
        if names.len() < entries.len() + new.len() {
            let hint = "rename one of the keys";
            return Err(t.fault(map, "two changes would give a map one key twice", hint));
        }
        if let Some((at, value)) = merged {
            let maps = if let Value::List(maps) = value { maps } else { vec![value] };
            // A key of its own hides a merged one, and of two lists' maps the first one wins.
            let mut seen: BTreeSet<Cow<'t, str>> = entries.iter().map(|(name, _)| name.clone()).collect();
            let mut brought: Vec<_> = maps.into_iter().flat_map(Value::into_entries).collect();
            brought.retain(|(name, _)| seen.insert(name.clone()));
            if brought.iter().any(|(name, _)| gone.contains(name)) {
                let hint = "write the merge out";
                return Err(t.fault(map, "without a key of its own a map would get the one of a merge", hint));
            }
            entries.splice(at..at, brought);
        }
        Ok(Value::Map(entries))
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
    write::LineEnds::of(t.said()).write(text)
}

/// Puts `new` at the end of a path below a value, creating the maps that are missing.
fn put(value: &mut Value<'_>, path: &[String], new: &Value<'static>) {
    let Some((key, below)) = path.split_first() else {
        *value = new.clone();
        return;
    };
    if !matches!(value, Value::Map(_)) {
        *value = Value::Map(Vec::new());
    }
    let Value::Map(entries) = value else {
        return;
    };
    let known = entries.iter().position(|(known, _)| known == key);
    let at = known.unwrap_or(entries.len());
    if known.is_none() {
        entries.push((Cow::Owned(key.clone()), Value::Null));
    }
    if let Some((_, old)) = entries.get_mut(at) {
        put(old, below, new);
    }
}
