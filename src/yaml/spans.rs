//! Where things stand in a text.
//!
//! Receives places of a tree and gives back bytes: where a node ends, at which column it begins, whether its span can be
//! trusted. It is the one file that knows what the parser's spans leave out.

use super::Tree;
use super::node::{NodeId, Sort, Style};

/// A tree with its text.
pub(super) struct Text<'t, 's> {
    pub(super) tree: &'t Tree<'s>,
    pub(super) source: &'s str,
}

impl Text<'_, '_> {
    /// What stands between two members of a flow collection, before the one at `at`.
    pub(super) fn gap(&self, at: usize) -> String {
        let before = self.source.get(self.line_start(at)..at).unwrap_or("");
        if before.bytes().all(|c| matches!(c, b' ' | b'\t')) && at > before.len() {
            format!("\n{before}")
        } else {
            " ".to_owned()
        }
    }

    /// The column of a key or a dash before which only spaces and dashes stand in its line.
    pub(super) fn indent(&self, at: usize) -> Option<usize> {
        let before = self.source.get(self.line_start(at)..at)?;
        let dashes = before.bytes().all(|c| matches!(c, b' ' | b'-')) && !before.contains("--");
        (dashes && !before.ends_with('-')).then_some(before.len())
    }

    /// The end of what a node says in its last line.
    pub(super) fn value_end(&self, n: NodeId) -> Option<usize> {
        let end = self.said_end(n)?;
        let said = self.source.get(self.span(n).0..end)?;
        Some(end - (said.len() - said.trim_end_matches(['\n', '\r']).len()))
    }

    /// The end of what a node says: comments and blank lines below it are not its own.
    pub(super) fn said_end(&self, n: NodeId) -> Option<usize> {
        let node = self.tree.node(n);
        let (start, end) = self.span(n);
        match node.style {
            Style::BlockMap | Style::BlockSeq => self.said_end(self.tree.children(n).last()?),
            Style::Absent if node.tag != Sort::None => None,
            Style::Absent => {
                let behind = self.source.get(end..)?;
                let colon = behind.trim_start_matches([' ', '\t']);
                let blank = behind.len() - colon.len();
                Some(if colon.starts_with(':') && !node.is_key { end + blank + 1 } else { end })
            }
            Style::BlockScalar => {
                let said = self.source.get(start..end)?;
                let header = said.lines().next().unwrap_or("");
                if header.contains('+') {
                    return Some(end);
                }
                Some(start + said.trim_end_matches([' ', '\n', '\r']).len())
            }
            _ => Some(end),
        }
    }

    /// True where an ancestor is written in flow style.
    pub(super) fn in_flow(&self, n: NodeId) -> bool {
        self.tree
            .parent(n)
            .is_some_and(|parent| matches!(self.tree.node(parent).style, Style::FlowMap | Style::FlowSeq))
    }

    pub(super) fn span(&self, n: NodeId) -> (usize, usize) {
        let node = self.tree.node(n);
        (node.start as usize, node.end as usize)
    }

    pub(super) fn line_start(&self, at: usize) -> usize {
        self.source.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1)
    }

    /// The start of the line below the one in which something ends.
    pub(super) fn next_line(&self, end: usize) -> usize {
        if end > 0 && self.source.as_bytes().get(end - 1) == Some(&b'\n') {
            return end;
        }
        let rest = self.source.get(end..).unwrap_or("");
        rest.find('\n').map_or(self.source.len(), |at| end + at + 1)
    }
}
