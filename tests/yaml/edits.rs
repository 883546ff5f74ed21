//! Random edits of random nasty documents, against a model that is edited directly.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sealref::yaml::{Edits, Kind, NodeId, Syntax, Tree, Value};

use crate::nasty::{self, Dice, Model, Pen};

/// A node of the model, in the order of the text, with the way to it.
struct Stop {
    way: Vec<usize>,
    is_key: bool,
    /// The next stop that is not below it.
    after: usize,
    flow: bool,
}

fn stops(model: &Model, way: &mut Vec<usize>, out: &mut Vec<Stop>) {
    let at = out.len();
    let is_flow = matches!(model, Model::Map { flow: true, .. } | Model::List { flow: true, .. });
    out.push(Stop { way: way.clone(), is_key: false, after: 0, flow: is_flow });
    match model {
        Model::List { items, .. } => {
            for (index, item) in items.iter().enumerate() {
                way.push(index);
                stops(item, way, out);
                way.pop();
            }
        }
        Model::Map { entries, .. } => {
            for (index, (_, value)) in entries.iter().enumerate() {
                way.push(index);
                let after = out.len() + 1;
                out.push(Stop { way: way.clone(), is_key: true, after, flow: false });
                stops(value, way, out);
                way.pop();
            }
        }
        _ => {}
    }
    let end = out.len();
    out[at].after = end;
}

fn at<'m>(model: &'m mut Model, way: &[usize]) -> &'m mut Model {
    way.iter().fold(model, |model, index| match model {
        Model::List { items, .. } => &mut items[*index],
        Model::Map { entries, .. } => &mut entries[*index].1,
        _ => unreachable!("a way leads through collections"),
    })
}

/// Lines, counted from 1, that an edit may touch.
fn touch(tree: &Tree<'_>, ids: &[NodeId], first: usize, after: usize, lines: &mut BTreeSet<usize>) {
    let from = tree.line(ids[first]);
    let to = ids.get(after).map_or(usize::MAX, |next| tree.line(*next)).min(tree.said().lines().count());
    lines.extend(from..=to);
}

/// Would a merge bring a key of this name, if the map had none of its own?
fn hides(tree: &Tree<'_>, key: NodeId) -> bool {
    let merges = tree.own(tree.parent(key).expect("a map")).filter(|(own, _)| tree.raw(*own) == Some(nasty::MERGE));
    let maps = merges.flat_map(|(_, value)| match tree.kind(value) {
        Kind::Seq => tree.items(value).collect(),
        _ => vec![value],
    });
    let mut brought = maps.flat_map(|map| tree.entries(map));
    brought.any(|(other, _)| tree.key(other) == tree.key(key))
}

struct Outcome {
    anew: bool,
}

fn round(seed: u64) -> Option<Outcome> {
    let mut dice = Dice::new(seed);
    let root = nasty::model(&mut dice, 0, false, &mut Vec::new(), &mut 0);
    let mut pen = Pen { dice: &mut dice, out: String::new(), kept: false };
    pen.document(&root);
    let source = pen.out;
    let tree = match Tree::parse(&source, Syntax::Document) {
        Ok(tree) => tree,
        Err(fault) => panic!("seed {seed}: {fault:?}\n{source}"),
    };
    assert!(Value::of(&tree, tree.root()) == root.means(&root), "seed {seed}: read otherwise\n{source}");

    let ids: Vec<NodeId> = tree.nodes().collect();
    let mut places = Vec::new();
    stops(&root, &mut Vec::new(), &mut places);
    assert_eq!(ids.len(), places.len(), "seed {seed}: nodes\n{source}");
    let mut model = root.clone();
    let mut edits = Edits::default();
    let mut taken: Vec<(usize, usize)> = Vec::new();
    let mut lines = BTreeSet::new();
    let mut removals: Vec<Vec<usize>> = Vec::new();
    let mut gone: Vec<NodeId> = Vec::new();
    for count in 0..=dice.below(3) {
        let index = 1 + dice.below(places.len().max(2) - 1);
        let Some(stop) = places.get(index) else {
            continue;
        };
        assert_eq!(tree.is_key(ids[index]), stop.is_key, "seed {seed}");
        let end = if stop.is_key { places[index + 1].after } else { stop.after };
        if taken.iter().any(|(from, to)| index < *to && *from < end) {
            continue;
        }
        let (parent, name) = stop.way.split_last().map(|(last, up)| (up.to_vec(), *last)).expect("no root");
        let new = nasty::value(&mut dice, 0);
        let fresh = format!("{}-new-{count}", dice.one(&["a", "m", "z", "0", "it's"]));
        taken.push((index, end));
        if stop.is_key {
            let Model::Map { entries, .. } = at(&mut model, &parent) else { unreachable!() };
            if entries[name].0 == nasty::MERGE {
                continue;
            }
            touch(&tree, &ids, index, end, &mut lines);
            gone.push(ids[index]);
            match dice.below(3) {
                0 => {
                    edits.rename(ids[index], fresh.clone());
                    entries[name].0 = fresh;
                }
                1 => {
                    edits.replace_entry(ids[index], fresh.clone(), new.clone());
                    // An anchor that goes takes its aliases' meaning with it; the old value stays findable.
                    if entries[name].1.has_anchor() {
                        return None;
                    }
                    entries[name] = (fresh, Model::from_value(&new));
                }
                _ => {
                    edits.remove(ids[index]);
                    if entries[name].1.has_anchor() {
                        return None;
                    }
                    removals.push(stop.way.clone());
                    // The last entry that goes makes its map an empty one, in the line of its key.
                    let map = places.iter().position(|place| !place.is_key && place.way == parent);
                    let map = map.expect("a map");
                    lines.extend(tree.line(ids[map.saturating_sub(1)])..=tree.line(ids[map]));
                }
            }
            continue;
        }

        let merge = {
            let up = at(&mut model, &parent);
            matches!(up, Model::Map { entries, .. } if entries[name].0 == nasty::MERGE)
        };
        if merge {
            continue;
        }
        let target = match target_kind(&tree, ids[index], dice.below(2)) {
            Way::Append => {
                if stop.flow || tree.said().is_empty() {
                    touch(&tree, &ids, index, end, &mut lines);
                }
                touch_alias(&tree, &ids, index, end, &mut lines, at(&mut model, &stop.way));
                edits.append(ids[index], new.clone());
                Some(Change::Append)
            }
            Way::Insert => {
                if stop.flow {
                    touch(&tree, &ids, index, end, &mut lines);
                }
                touch_alias(&tree, &ids, index, end, &mut lines, at(&mut model, &stop.way));
                edits.insert(&tree, ids[index], &[&fresh], new.clone());
                Some(Change::Insert)
            }
            Way::Set => {
                touch(&tree, &ids, index.saturating_sub(1), end, &mut lines);
                edits.set(ids[index], new.clone());
                if at(&mut model, &stop.way).has_anchor() {
                    return None;
                }
                None
            }
        };
        let node = at(&mut model, &stop.way);
        if let (Some(_), Model::Alias(of)) = (&target, &*node) {
            *node = Model::AliasAnd { of: *of, entry: (fresh, new) };
            continue;
        }
        match (target, node) {
            (Some(Change::Append), Model::List { items, .. }) => {
                items.push(Model::from_value(&new));
            }
            (Some(Change::Insert), Model::Map { entries, .. }) => {
                entries.push((fresh, Model::from_value(&new)));
            }
            (_, node) => *node = Model::from_value(&new),
        }
    }
    // From the last to the first, so that the ways stay right.
    removals.sort();
    for way in removals.iter().rev() {
        let (last, up) = way.split_last().expect("an entry");
        let Model::Map { entries, .. } = at(&mut model, up) else { unreachable!() };
        entries.remove(*last);
    }
    if edits.is_empty() {
        return None;
    }
    let applied = match edits.apply(&tree, Syntax::Document) {
        Ok(applied) => applied,
        Err(fault) if fault.message.contains("the one of a merge") => {
            assert!(gone.iter().any(|key| hides(&tree, *key)), "seed {seed}: no key hides another\n{source}");
            return None;
        }
        Err(fault) => panic!("seed {seed}: {fault:?}\n{source}"),
    };
    let text = applied.text;
    let back = Tree::parse(&text, Syntax::Document)
        .unwrap_or_else(|fault| panic!("seed {seed}: {fault:?}\n{source}\n=>\n{text}"));
    assert!(
        Value::of(&back, back.root()) == model.means(&model),
        "seed {seed}: means something else (anew: {})\n{source}\n=>\n{text}",
        applied.anew
    );
    if !applied.anew {
        let mut left = text.lines();
        for (count, line) in source.lines().enumerate() {
            if lines.contains(&(count + 1)) || line.trim().is_empty() {
                continue;
            }
            // A new first key takes the place behind the dash.
            let bare = line.trim_start_matches([' ', '-']);
            // The last entry of a flow map takes the comma before it along, which may stand a line above.
            let comma = line.trim_end().strip_suffix(',');
            let without_comma = |kept: &str| comma.is_some_and(|rest| kept.starts_with(rest));
            assert!(
                left.any(|kept| kept == line || kept.trim_start() == bare || without_comma(kept)),
                "seed {seed}: line {} is lost: {line}\n{source}\n=>\n{text}",
                count + 1
            );
        }
        let crlf = source.matches("\r\n").count();
        assert!(crlf == 0 || !text.replace("\r\n", "").contains('\n'), "seed {seed}: mixed line ends\n{text}");
    }
    Some(Outcome { anew: applied.anew })
}

enum Change {
    Append,
    Insert,
}

enum Way {
    Append,
    Insert,
    Set,
}

fn target_kind(tree: &Tree<'_>, node: NodeId, coin: usize) -> Way {
    match (coin, tree.kind(node)) {
        (0, Kind::Map) => Way::Insert,
        (0, Kind::Seq) => Way::Append,
        _ => Way::Set,
    }
}

/// An alias is written out where something is added to it alone, and an empty collection where it gets something.
fn touch_alias(tree: &Tree<'_>, ids: &[NodeId], index: usize, end: usize, lines: &mut BTreeSet<usize>, model: &Model) {
    let empty = match model {
        Model::List { items, .. } => items.is_empty(),
        Model::Map { entries, .. } => entries.is_empty(),
        _ => true,
    };
    if empty {
        touch(tree, ids, index.saturating_sub(1), end, lines);
    }
}

impl Model {
    fn has_anchor(&self) -> bool {
        match self {
            Self::Alias(_) | Self::AliasAnd { .. } => false,
            Self::List { items, anchor, .. } => anchor.is_some() || items.iter().any(Self::has_anchor),
            Self::Map { entries, anchor, .. } => {
                anchor.is_some() || entries.iter().any(|(_, value)| value.has_anchor())
            }
            Self::Scalar { anchor, .. } => anchor.is_some(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_edits_mean_what_the_model_means(seed in any::<u64>()) {
        round(seed);
    }
}

#[test]
fn almost_all_edits_are_splices() {
    let outcomes: Vec<Outcome> = (0..4000).filter_map(round).collect();
    let spliced = outcomes.iter().filter(|outcome| !outcome.anew).count();
    println!("{spliced} of {} edits were splices", outcomes.len());
    assert!(spliced * 100 > outcomes.len() * 85, "{spliced} of {}", outcomes.len());
}
