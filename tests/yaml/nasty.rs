//! Documents as nasty as people write them, made from a model that knows what they mean.

use sealref::yaml::Value;

/// A small generator of numbers: a failing seed is all that a failure needs to tell.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).expect("64 bits") % end
    }

    pub(crate) fn often(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// What a document means, with the sharing that anchors make.
#[derive(Clone)]
pub(crate) enum Model {
    Alias(usize),
    /// An alias with something more, written out in its place.
    AliasAnd {
        of: usize,
        entry: (String, Value<'static>),
    },
    List {
        items: Vec<Model>,
        flow: bool,
        anchor: Option<usize>,
    },
    Map {
        entries: Vec<(String, Model)>,
        flow: bool,
        anchor: Option<usize>,
    },
    /// `<<: *a` stands first in its map.
    Scalar {
        value: Value<'static>,
        anchor: Option<usize>,
    },
}

pub(crate) const MERGE: &str = "<<";

const TEXTS: &[&str] = &[
    "a",
    "hello",
    "yes",
    "no",
    "on",
    "012",
    "0x1F",
    "1e3",
    "~",
    "null",
    "",
    " ",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "# c",
    "- x",
    "[x",
    "{y",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "two\n\nblank\n",
    "keep\n\n\n",
    "  indented\nfirst",
    "\n",
    "end\n",
    "x\n y\n  z\n",
    "\u{e9}\u{1f600}",
    "\u{1}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "%TAG",
    "@at",
    "`tick`",
    "!bang",
    "&anchor",
    "*alias",
    "|",
    ">",
    "?",
    "? x",
    ":",
    "::",
    "-",
    "--",
    "---",
    "...",
    "=",
    "<<",
    "ref+vault://kv/a#b",
    "<path:a/b#c>",
    "ENC[AES256_GCM,data:x]",
    "2001-01-01",
    "12:30:45",
];

const RAW: &[&str] = &["1", "-1", "012", "0x1F", "1.5", "1e3", ".5", "1_000", "0", "18446744073709551615"];

pub(crate) fn text(dice: &mut Dice) -> String {
    if dice.often(50) { format!("v{}", dice.below(1000)) } else { dice.one(TEXTS).to_owned() }
}

pub(crate) fn scalar(dice: &mut Dice) -> Value<'static> {
    match dice.below(10) {
        0 => Value::Bool(dice.often(50)),
        1 => Value::Null,
        2 => Value::Number(dice.one(RAW).to_owned().into()),
        _ => Value::Text(text(dice).into()),
    }
}

pub(crate) fn key(dice: &mut Dice, count: usize) -> String {
    let stem = dice.one(&["k", "name", "a.b/c", "on", "x y", "1", "it's", "-", "B"]);
    format!("{stem}{count}")
}

/// A value that an edit brings.
pub(crate) fn value(dice: &mut Dice, depth: usize) -> Value<'static> {
    match dice.below(if depth > 2 { 3 } else { 6 }) {
        3 => Value::List((0..dice.below(3)).map(|_| value(dice, depth + 1)).collect()),
        4 => Value::map((0..dice.below(4)).map(|at| (key(dice, at), value(dice, depth + 1)))),
        _ => scalar(dice),
    }
}

/// Makes a model; `anchors` are those that are complete, and whether they are maps.
pub(crate) fn model(
    dice: &mut Dice,
    depth: usize,
    flow: bool,
    anchors: &mut Vec<(usize, bool)>,
    next: &mut usize,
) -> Model {
    let sort = if depth == 0 { 5 } else { dice.below(if depth > 4 { 4 } else { 8 }) };
    if sort == 0 && !anchors.is_empty() && dice.often(40) {
        return Model::Alias(anchors[dice.below(anchors.len())].0);
    }
    let anchor = (depth > 0 && dice.often(6)).then(|| {
        *next += 1;
        *next
    });
    let made = match sort {
        0..=3 => Model::Scalar { value: scalar(dice), anchor },
        4 | 6 => {
            let flow = flow || dice.often(20);
            let count = if flow { dice.below(4) } else { 1 + dice.below(4) };
            let items = (0..count).map(|_| model(dice, depth + 1, flow, anchors, next)).collect();
            Model::List { items, flow, anchor }
        }
        _ => {
            let flow = flow || depth > 0 && dice.often(20);
            let count = if flow { dice.below(4) } else { 1 + dice.below(5) };
            let mut entries = Vec::new();
            let maps: Vec<usize> = anchors.iter().filter(|a| a.1).map(|a| a.0).collect();
            if !maps.is_empty() && dice.often(15) {
                entries.push((MERGE.to_owned(), Model::Alias(maps[dice.below(maps.len())])));
            }
            for at in 0..count {
                entries.push((key(dice, at), model(dice, depth + 1, flow, anchors, next)));
            }
            Model::Map { entries, flow, anchor }
        }
    };
    if let Some(anchor) = anchor {
        anchors.push((anchor, matches!(made, Model::Map { .. })));
    }
    made
}

impl Model {
    fn anchor(&self) -> Option<usize> {
        match self {
            Self::Alias(_) | Self::AliasAnd { .. } => None,
            Self::List { anchor, .. } | Self::Map { anchor, .. } | Self::Scalar { anchor, .. } => *anchor,
        }
    }

    fn find(&self, wanted: usize) -> Option<&Model> {
        if self.anchor() == Some(wanted) {
            return Some(self);
        }
        match self {
            Self::List { items, .. } => items.iter().find_map(|item| item.find(wanted)),
            Self::Map { entries, .. } => entries.iter().find_map(|(_, value)| value.find(wanted)),
            _ => None,
        }
    }

    /// What it means; `root` holds the anchors.
    pub(crate) fn means(&self, root: &Model) -> Value<'static> {
        match self {
            Self::Alias(of) => root.find(*of).expect("an anchor").means(root),
            Self::AliasAnd { of, entry: (key, value) } => match root.find(*of).expect("an anchor").means(root) {
                Value::List(mut items) => {
                    items.push(value.clone());
                    Value::List(items)
                }
                mut map => {
                    map.push(key.clone(), value.clone());
                    map
                }
            },
            Self::List { items, .. } => Value::List(items.iter().map(|item| item.means(root)).collect()),
            Self::Map { entries, .. } => {
                let mut map = Value::Map(Vec::new());
                for (key, value) in entries {
                    let value = value.means(root);
                    match (key.as_str(), value) {
                        (MERGE, Value::Map(merged)) => {
                            for (key, value) in merged {
                                map.push(key, value);
                            }
                        }
                        (_, value) => map.push(key.clone(), value),
                    }
                }
                map
            }
            Self::Scalar { value, .. } => value.clone(),
        }
    }

    /// From what an edit brings.
    pub(crate) fn from_value(value: &Value<'static>) -> Model {
        match value {
            Value::List(items) => {
                Model::List { items: items.iter().map(Model::from_value).collect(), flow: false, anchor: None }
            }
            Value::Map(entries) => Model::Map {
                entries: entries.iter().map(|(k, v)| (k.to_string(), Model::from_value(v))).collect(),
                flow: false,
                anchor: None,
            },
            scalar => Model::Scalar { value: scalar.clone(), anchor: None },
        }
    }
}

/// Writes a model as people do, without our writer.
pub(crate) struct Pen<'d> {
    pub(crate) dice: &'d mut Dice,
    pub(crate) out: String,
    /// The line above is the end of a `|+` block.
    pub(crate) kept: bool,
}

impl Pen<'_> {
    pub(crate) fn document(&mut self, model: &Model) {
        if self.dice.often(20) {
            self.out.push_str("# first\n\n");
        }
        self.block(model, 0, false);
        if self.dice.often(10) {
            self.out.push_str("# last\n");
        }
        if self.dice.often(5) && self.out.ends_with('\n') && !self.out.contains('|') && !self.out.contains('>') {
            self.out.pop();
        }
        if self.dice.often(15) {
            self.out = self.out.replace('\n', "\r\n");
        }
    }

    fn pad(&mut self, column: usize) {
        self.out.push_str(&" ".repeat(column));
    }

    fn remark(&mut self, column: usize) {
        if self.dice.often(8) {
            // Deeper ones would be text of a block scalar above.
            let column = if self.dice.often(70) { column } else { self.dice.below(column + 1) };
            self.pad(column);
            let number = self.dice.below(100);
            self.out.push_str(&format!("# remark {number}\n"));
        }
        // A blank line behind `|+` would be text.
        if !std::mem::take(&mut self.kept) && self.dice.often(4) {
            self.out.push('\n');
        }
    }

    fn line_end(&mut self) {
        if self.dice.often(8) {
            self.out.push_str("  # trailing");
        }
        self.out.push('\n');
    }

    /// The entries or items of a block collection, each on lines of its own; the first may follow a dash.
    fn block(&mut self, model: &Model, column: usize, mut behind_dash: bool) {
        match model {
            Model::Map { entries, .. } => {
                for (key, value) in entries {
                    if !std::mem::take(&mut behind_dash) {
                        self.remark(column);
                        self.pad(column);
                    }
                    self.key(key);
                    self.out.push(':');
                    self.below_key(value, column);
                }
            }
            Model::List { items, .. } => {
                for item in items {
                    if !std::mem::take(&mut behind_dash) {
                        self.remark(column);
                        self.pad(column);
                    }
                    self.out.push('-');
                    self.below_dash(item, column);
                }
            }
            _ => unreachable!("the root is a map"),
        }
    }

    fn below_key(&mut self, value: &Model, column: usize) {
        self.property(value);
        match value {
            Model::Map { entries, flow: false, .. } if !entries.is_empty() => {
                self.line_end();
                let deeper = column + 1 + self.dice.below(4);
                self.block(value, deeper, false);
            }
            Model::List { items, flow: false, .. } if !items.is_empty() => {
                self.line_end();
                let deeper = column + if self.dice.often(50) { 0 } else { 2 };
                self.block(value, deeper, false);
            }
            _ => self.leaf(value, column),
        }
    }

    fn below_dash(&mut self, item: &Model, column: usize) {
        let anchored = item.anchor().is_some();
        self.property(item);
        let is_block = match item {
            Model::Map { entries, flow, .. } => !flow && !entries.is_empty(),
            Model::List { items, flow, .. } => !flow && !items.is_empty(),
            _ => false,
        };
        if !is_block {
            return self.leaf(item, column);
        }
        let deeper = column + 2;
        if anchored || self.dice.often(10) {
            self.line_end();
            self.block(item, deeper, false);
        } else {
            self.out.push(' ');
            self.block(item, deeper, true);
        }
    }

    fn property(&mut self, value: &Model) {
        if let Some(anchor) = value.anchor() {
            self.out.push_str(&format!(" &a{anchor}"));
        }
    }

    /// What stands behind a key or a dash in its line, with the line's end.
    fn leaf(&mut self, value: &Model, column: usize) {
        if let Model::Scalar { value: Value::Null, anchor } = value
            && (anchor.is_none() && self.dice.often(50))
        {
            return self.line_end();
        }
        self.out.push(' ');
        if let Model::Scalar { value: Value::Text(text), .. } = value
            && text.contains('\n')
            && self.literal(text, column)
        {
            return;
        }
        self.flow(value);
        self.line_end();
    }

    /// A `|` block where one can say the text.
    fn literal(&mut self, text: &str, column: usize) -> bool {
        let body = text.trim_end_matches('\n');
        let ends = text.len() - body.len();
        if body.is_empty() || body.starts_with('\n') || self.dice.often(20) {
            return false;
        }
        let indent = 2;
        self.out.push('|');
        if body.starts_with(' ') {
            self.out.push('2');
        }
        self.out.push_str(match ends {
            0 => "-",
            1 => "",
            _ => "+",
        });
        self.line_end();
        for line in body.split('\n') {
            if !line.is_empty() {
                self.pad(column + indent);
                self.out.push_str(line);
            }
            self.out.push('\n');
        }
        self.out.push_str(&"\n".repeat(ends.saturating_sub(1)));
        self.kept = ends > 1;
        true
    }

    fn key(&mut self, key: &str) {
        let plain = key == MERGE
            || key.starts_with(|c: char| c.is_ascii_alphabetic()) && !key.contains('\'') && self.dice.often(75);
        if plain {
            self.out.push_str(key);
        } else {
            self.quoted(key);
        }
    }

    fn quoted(&mut self, text: &str) {
        if text.chars().all(|c| (' '..='~').contains(&c)) && self.dice.often(50) {
            self.out.push_str(&format!("'{}'", text.replace('\'', "''")));
            return;
        }
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                ' '..='~' => self.out.push(c),
                '\n' => self.out.push_str("\\n"),
                c if self.dice.often(50) && c > '\u{a0}' && !('\u{2028}'..='\u{2029}').contains(&c) => {
                    self.out.push(c);
                }
                c => self.out.push_str(&format!("\\U{:08x}", u32::from(c))),
            }
        }
        self.out.push('"');
    }

    fn flow(&mut self, value: &Model) {
        match value {
            Model::Alias(of) => self.out.push_str(&format!("*a{of} ")),
            Model::AliasAnd { .. } => unreachable!("only edits make it"),
            Model::List { items, .. } => {
                self.out.push('[');
                for (count, item) in items.iter().enumerate() {
                    if count > 0 {
                        self.gap();
                    }
                    self.property(item);
                    self.out.push(' ');
                    self.flow(item);
                }
                self.out.push(']');
            }
            Model::Map { entries, .. } => {
                self.out.push('{');
                for (count, (key, value)) in entries.iter().enumerate() {
                    if count > 0 {
                        self.gap();
                    }
                    self.key(key);
                    self.out.push(':');
                    self.property(value);
                    self.out.push(' ');
                    self.flow(value);
                }
                self.out.push('}');
            }
            Model::Scalar { value, .. } => match value {
                Value::Bool(true) => self.out.push_str(["true", "yes", "On", "y"][self.dice.below(4)]),
                Value::Bool(false) => self.out.push_str(["false", "no", "OFF", "n"][self.dice.below(4)]),
                Value::Null => self.out.push_str(["null", "~", "Null"][self.dice.below(3)]),
                Value::Number(text) => self.out.push_str(text),
                Value::Text(text) if text.starts_with(['v', 'h']) && self.dice.often(60) => {
                    self.out.push_str(text);
                }
                Value::Text(text) => {
                    let text = text.clone();
                    self.quoted(&text);
                }
                Value::List(_) | Value::Map(_) => unreachable!("scalars hold no collections"),
            },
        }
    }

    fn gap(&mut self) {
        self.out.push(',');
        if self.dice.often(20) {
            self.out.push_str("\n            ");
        }
        self.out.push(' ');
    }
}
