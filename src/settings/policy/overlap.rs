//! Grants that both meet one claim: which of them decides would be the order in the file.

use std::collections::BTreeSet;

use super::file::{Grant, Read};
use super::rules::Rules;
use super::text::Projects;
use crate::error::{Problem, Problems};

impl Rules {
    /// Every two grants under which one Secret could be made.
    #[must_use]
    pub fn overlaps(&self) -> Problems {
        let grants: Vec<(usize, &Grant)> = self.spec.grants.iter().enumerate().collect();
        let names = self.projects();
        let mut problems = Problems::default();
        for (at, (first, a)) in grants.iter().enumerate() {
            for (second, b) in grants.iter().skip(at + 1) {
                let found = names.iter().find_map(|project| Some((project, self.overlap(project, a, b)?)));
                if let Some((project, (one, other))) = found {
                    let what =
                        format!("spec.grants[{first}] and spec.grants[{second}] overlap for project \"{project}\"");
                    let hint = format!("both let it read what fits {one} and {other}; narrow one of them");
                    problems.push(Problem::new(what).hint(hint));
                }
            }
        }
        problems
    }

    /// Every project that a word of the policy could mean, and one that none does.
    fn projects(&self) -> BTreeSet<String> {
        let grants = || self.spec.grants.iter();
        let named = grants().flat_map(|grant| &grant.projects).filter_map(|projects| match projects {
            Projects::All => None,
            Projects::One(name) => Some(name.as_str().to_owned()),
        });
        let reads = grants().flat_map(|grant| &grant.read).map(|read| read.path.shown(OTHER));
        let words = reads.flat_map(|path| path.split('/').map(str::to_owned).collect::<Vec<_>>());
        let words = words.filter(|word| !word.is_empty() && !word.contains('*'));
        words.chain(named).chain(self.tenant_names()).chain([OTHER.to_owned()]).collect()
    }

    fn overlap(&self, project: &str, a: &Grant, b: &Grant) -> Option<(String, String)> {
        let has = |grant: &Grant| grant.projects.iter().any(|projects| projects.has(project));
        let share = |a: &[String], b: &[String]| a.iter().any(|name| b.contains(name));
        let clusters = a.clusters.is_empty() || b.clusters.is_empty() || share(&a.clusters, &b.clusters);
        let same = has(a) && has(b) && share(&a.targets, &b.targets) && clusters && self.share_namespace(project, a, b);
        let meet = |one: &Read, other: &Read| {
            let paths = one.path.of(project).meets(&other.path.of(project));
            one.scheme == other.scheme && paths
        };
        let mut pairs = a.read.iter().flat_map(|one| b.read.iter().map(move |other| (one, other)));
        let (one, other) = pairs.find(|(one, other)| same && meet(one, other))?;
        Some((one.shown(project), other.shown(project)))
    }

    fn share_namespace(&self, project: &str, a: &Grant, b: &Grant) -> bool {
        let own = self.namespaces(project);
        match (&a.namespaces, &b.namespaces) {
            // A project without namespaces can put nothing anywhere.
            (None, None) => !own.is_empty(),
            (Some(a), Some(b)) => a.iter().any(|a| b.iter().any(|b| a.of(project).meets(&b.of(project)))),
            (Some(some), None) | (None, Some(some)) => {
                some.iter().any(|pattern| own.iter().any(|name| pattern.of(project).matches(name)))
            }
        }
    }
}

/// A project that nobody names.
const OTHER: &str = "any-other";
