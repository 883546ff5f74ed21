//! Every value of a map in a file, each as text: what is nested as JSON.

use zeroize::Zeroizing;

use super::document::{Clear, Leaf, ends, gather};
use super::node::{Node, Protection};
use super::print;
use crate::error::Problem;
use crate::model::Keys;
use crate::sources::property;

impl Clear {
    /// Every value of the map at a path.
    ///
    /// # Errors
    /// There is no map, or there are several; a value in which nothing is encrypted, and which is no secret therefore.
    pub(super) fn keys(&self, property: Option<&str>) -> Result<Keys, Problem> {
        let steps: Vec<&str> = property.map_or(vec![], |property| property.split('/').collect());
        let found = ends(&self.documents, &steps);
        let map = match found.as_slice() {
            [(_, _, Node::Map(entries))] => entries,
            [_, _, ..] => {
                return Err(Problem::new("the file has more than one document or section there")
                    .hint("keep one of them in a file"));
            }
            [] => return Err(super::no_key(property.unwrap_or_default())),
            [_] => return Err(property::no_map("the file", property)),
        };
        let values = map.iter().filter(|(_, node)| !matches!(node, Node::Comment(_)));
        let keys: Result<Keys, Problem> = values.map(|(key, node)| Ok((key.clone(), self.value(key, node)?))).collect();
        property::some_keys(keys?, "the file")
    }

    fn value(&self, key: &str, node: &Node) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let mut leaves = vec![];
        gather(node, (0, self.store), &mut vec![], &mut leaves);
        let clear = |leaf: &Leaf| leaf.protection() == Protection::Clear && !leaf.bytes().is_empty();
        let encrypted = leaves.iter().any(|leaf| leaf.protection() == Protection::Encrypted);
        if !encrypted && leaves.iter().any(clear) {
            return Err(super::in_clear(&format!("the value of \"{key}\"")));
        }
        Ok(match node {
            Node::Scalar(scalar) => scalar.printed(self.store),
            nested => print::compact(nested),
        })
    }
}
