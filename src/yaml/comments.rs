//! Comments and where they belong.
//!
//! Receives a tree and gives back its comments, each with the entry of a map or the item of a list that it speaks of.
//! What is no comment of any entry, because nothing follows it in its collection, is left out.

use std::collections::BTreeSet;

use super::node::{NodeId, Style, Tree};

/// A comment of an entry or an item.
pub struct Comment<'s> {
    /// The entry's key, or the item.
    pub owner: NodeId,
    /// What it says, without its sign.
    pub text: &'s str,
    /// It stands in the line of a value, behind it; else above.
    pub beside: bool,
}

impl<'s> Tree<'s> {
    /// Comments in the order of the text: those in the lines above an entry or an item, and one in its own line.
    #[must_use]
    pub fn comments(&self) -> Vec<Comment<'s>> {
        let leaves: Vec<NodeId> = self.nodes().filter(|n| self.is_leaf(*n)).collect();
        let mut found = Vec::new();
        let (mut from, mut before) = (0, None);
        for next in leaves.iter().copied().map(Some).chain([None]) {
            let end = next.map_or(self.source.len(), |n| self.node(n).start as usize);
            for (at, text) in in_gap(self.source, from, end) {
                let beside =
                    before.filter(|_| !self.source.get(from.saturating_sub(1)..at).unwrap_or("\n").contains('\n'));
                let below = next.map(|leaf| self.opened(leaf));
                let below = below.filter(|(_, column)| column_of(self.source, at) <= *column);
                let owner = beside.map(|leaf| self.part(leaf)).or(below.map(|(owner, _)| owner));
                let beside = beside.is_some_and(|leaf| !self.is_key(leaf));
                found.extend(owner.map(|owner| Comment { owner, text, beside }));
            }
            before = next;
            from = next.map_or(end, |n| (self.node(n).end as usize).max(end));
        }
        found
    }

    /// The scalars that begin in a line that ends with a comment which `says` it; not those that go on in further lines.
    #[must_use]
    pub fn remarked(&self, says: &dyn Fn(&str) -> bool) -> BTreeSet<NodeId> {
        let (mut found, mut here, mut from) = (BTreeSet::new(), vec![], 0_usize);
        for next in self.nodes().filter(|n| self.is_leaf(*n)).map(Some).chain([None]) {
            let start = next.map_or(self.source.len(), |n| self.node(n).start as usize);
            // A block scalar ends behind its last line
            let goes_on = |to: usize| !self.source.get(from.saturating_sub(1)..to).unwrap_or("\n").contains('\n');
            if let Some((at, text)) = in_gap(self.source, from, start).next()
                && goes_on(at)
                && says(text)
            {
                found.extend(here.iter().copied());
            }
            if !goes_on(start) {
                here.clear();
            }
            let end = next.map_or(start, |n| (self.node(n).end as usize).max(start));
            if self.source.get(start..end).unwrap_or("\n").contains('\n') {
                here.clear();
            } else {
                here.extend(next);
            }
            from = end;
        }
        found
    }

    fn is_leaf(&self, n: NodeId) -> bool {
        !matches!(self.node(n).style, Style::BlockMap | Style::BlockSeq | Style::FlowMap | Style::FlowSeq)
    }

    /// The outermost entry or item that begins in the line of a leaf, and the column of that line's first character.
    fn opened(&self, leaf: NodeId) -> (NodeId, usize) {
        let start = self.node(leaf).start as usize;
        let line = start - column_of(self.source, start);
        let text = self.source.get(line..).unwrap_or("");
        let column = text.bytes().take_while(|c| *c == b' ').count();
        let above = std::iter::successors(Some(leaf), |n| self.parent(*n)).take_while(|n| *n != self.root);
        let here = above.map(|n| self.part(n)).take_while(|part| self.node(*part).start as usize >= line);
        (here.last().unwrap_or(leaf), column)
    }

    /// The key of the entry that a place is part of; an item, and the root, is its own.
    fn part(&self, n: NodeId) -> NodeId {
        self.own_key(n).unwrap_or(n)
    }
}

/// The comments between two bytes, where no scalar stands.
fn in_gap(source: &str, from: usize, to: usize) -> impl Iterator<Item = (usize, &str)> {
    let mut at = from;
    std::iter::from_fn(move || {
        loop {
            let sign = at + source.get(at..to)?.find('#')?;
            let above = source.get(..sign)?;
            at = sign + 1;
            if above.is_empty() || above.ends_with([' ', '\t', '\n']) {
                let text = source.get(at..)?.lines().next().unwrap_or("");
                at += text.len();
                return Some((sign, text));
            }
        }
    })
}

fn column_of(source: &str, at: usize) -> usize {
    let above = source.get(..at).unwrap_or("");
    at - above.rfind('\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Syntax;

    #[test]
    fn a_remark_is_about_the_scalars_of_its_line_and_no_text_is_one() {
        let text = "a: x # ok\nb: '# ok'\nc: | # ok\n  x\n# ok\nd: {e: x, f: y} # ok\ng: \"x\n  y\" # ok\n# ok\nh: x # no\ni:\n- x # ok\n- y\n";
        let tree = Tree::parse(text, Syntax::Document).unwrap();
        let found = tree.remarked(&|text| text.contains("ok"));
        let values: Vec<String> = found.into_iter().filter(|n| !tree.is_key(*n)).map(|n| tree.path(n)).collect();
        assert_eq!(values, ["a", "d.e", "d.f", "i[0]"]);
    }

    #[test]
    fn comments_belong_to_the_entry_below_them_or_beside_them() {
        let text = "# top\n\na: 'x # no comment' # beside a\n# b1\n  # too deep for b\n# b2\nb:\n  # c\n  c: |\n    # text\n  # end\nd:\n  # e\n  - e\n  - f # beside f\n  # g\n  - g: 1\n    h: 2 # beside h\n# after\n";
        let tree = Tree::parse(text, Syntax::Document).unwrap();
        let comments = tree.comments();
        let found: Vec<(String, &str, bool)> =
            comments.iter().map(|c| (tree.path(c.owner), c.text, c.beside)).collect();
        let expected = [
            ("a", " top"),
            ("a", " beside a"),
            ("b", " b1"),
            ("b", " b2"),
            ("b.c", " c"),
            ("d[0]", " e"),
            ("d[1]", " beside f"),
            ("d[2]", " g"),
            ("d[2].h", " beside h"),
        ];
        assert_eq!(found, expected.map(|(path, text)| (path.to_owned(), text, text.contains("beside"))));
    }
}
