//! A policy and its tenants, read strictly: what is wrong with them is refused (exit 3), never passed over.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::{Grant, PolicySpec, SealrefPolicy};
use super::tenant::TenantEntry;
use crate::error::{Exit, Location, Problem, Problems, meant};
use crate::model::{Source, StoreRef};
use crate::yaml::{self, NodeId, Syntax, Tree};

/// What an operator has written, for whichever project asks.
pub struct Rules {
    /// What holds.
    pub(super) spec: PolicySpec,
    /// The namespaces of each tenant.
    tenants: BTreeMap<String, Vec<String>>,
    /// What relative paths are relative to.
    folder: PathBuf,
}

impl Rules {
    /// Reads a policy that stands in a folder.
    ///
    /// # Errors
    /// Whatever is wrong with it, each with its line (exit 3).
    pub fn read(policy: &Source, folder: &Path) -> Result<Self, Problems> {
        let read = || -> Result<Self, Problems> {
            let tree = Tree::parse(&policy.text, Syntax::Document).map_err(|fault| policy.problem(fault))?;
            let said = |key| tree.get(tree.root(), key).and_then(|node| tree.text(node)).unwrap_or_default();
            let (version, kind) = (SealrefPolicy::API_VERSION, SealrefPolicy::KIND);
            if (said("apiVersion"), said("kind")) != (version, kind) {
                let what = if tree.is_empty() { "the policy is empty" } else { "the policy is of another kind" };
                return Err(Problem::new(what)
                    .hint(format!("apiVersion: {version}, kind: {kind}"))
                    .at(Location::line(&policy.name, 1))
                    .into());
            }
            let SealrefPolicy { spec, .. } = shape(policy, &tree)?;
            let mut rules = Self { spec, tenants: BTreeMap::new(), folder: folder.to_path_buf() };
            let mut problems = Check { source: policy, tree: &tree, spec: &rules.spec }.all();
            for (number, tenant) in rules.spec.tenants.clone().into_iter().enumerate() {
                let node = item(&tree, &["spec", "tenants"], number);
                problems.keep(rules.add(&tenant, policy, tree.line(node)));
            }
            problems.or(rules)
        };
        read().map_err(|problems| refused(&problems))
    }

    /// Where files of tenants are: a folder, and a pattern over their names. None where there are none.
    #[must_use]
    pub fn tenant_files(&self) -> Option<(PathBuf, String)> {
        let path = self.folder.join(self.spec.tenant_files.as_ref()?);
        let name = path.file_name()?.to_string_lossy().into_owned();
        Some((path.parent()?.to_path_buf(), name))
    }

    /// Adds the tenants of a file.
    ///
    /// # Errors
    /// Whatever is wrong with it, or a tenant that is there already (exit 3).
    pub fn add_tenants(&mut self, source: &Source) -> Result<(), Problems> {
        let mut read = || -> Result<(), Problems> {
            let mut problems = Problems::default();
            for object in source.objects()? {
                let (piece, tree) = object?;
                if tree.is_empty() {
                    continue;
                }
                let tenant: Result<TenantEntry, _> = yaml::read(&tree, tree.root());
                let tenant = tenant.map_err(|mut mistake| {
                    mistake.line += piece.line.saturating_sub(1);
                    told(source, mistake)
                });
                let added = tenant.and_then(|tenant| self.add(&tenant, source, piece.line));
                problems.keep(added);
            }
            problems.or(())
        };
        read().map_err(|problems| refused(&problems))
    }

    fn add(&mut self, tenant: &TenantEntry, source: &Source, line: usize) -> Result<(), Problem> {
        let namespaces = tenant.namespaces.iter().map(|name| name.as_str().to_owned()).collect();
        match self.tenants.insert(tenant.project.as_str().to_owned(), namespaces) {
            None => Ok(()),
            Some(_) => Err(Problem::new(format!("the tenant \"{}\" is there twice", tenant.project.as_str()))
                .hint("list all of its namespaces in one place")
                .at(Location::line(&source.name, line))),
        }
    }

    /// The namespaces of a project.
    #[must_use]
    pub fn namespaces(&self, project: &str) -> &[String] {
        self.tenants.get(project).map_or(&[], Vec::as_slice)
    }

    /// The tenants.
    pub(super) fn tenant_names(&self) -> impl Iterator<Item = String> {
        self.tenants.keys().cloned()
    }

    /// The grants that a project has, with their numbers.
    pub fn grants<'r>(&'r self, project: &'r str) -> impl Iterator<Item = (usize, &'r Grant)> {
        let has = move |grant: &Grant| grant.projects.iter().any(|projects| projects.has(project));
        self.spec.grants.iter().enumerate().filter(move |(_, grant)| has(grant))
    }

    /// A path of the policy, from the root of the machine.
    #[must_use]
    pub fn path(&self, path: &str) -> String {
        self.folder.join(path).to_string_lossy().into_owned()
    }
}

fn refused(problems: &Problems) -> Problems {
    problems.iter().map(|problem| problem.clone().exit(Exit::Refused)).collect()
}

fn shape<'t, T: Deserialize<'t>>(source: &Source, tree: &'t Tree) -> Result<T, Problem> {
    yaml::read(tree, tree.root()).map_err(|mistake| told(source, mistake))
}

fn told(source: &Source, mistake: yaml::Mistake) -> Problem {
    let place = format!("{}:{} {}", source.name, mistake.line, mistake.path);
    let hint = mistake.hint.unwrap_or_else(|| "see `sealref schema SealrefPolicy` for what a policy holds".to_owned());
    Problem::new(mistake.message).hint(hint).at(place.trim_end().to_owned())
}

/// An item of a list, else what is nearest to it.
fn item(tree: &Tree, path: &[&str], number: usize) -> NodeId {
    let list = tree.at(tree.root(), path).unwrap_or(tree.root());
    tree.items(list).nth(number).unwrap_or(list)
}

/// What no type can say: names that lead to nothing.
struct Check<'c, 's> {
    source: &'c Source,
    tree: &'c Tree<'s>,
    spec: &'c PolicySpec,
}

impl Check<'_, '_> {
    fn all(&self) -> Problems {
        let mut problems = Problems::default();
        if self.spec.grants.is_empty() {
            let hint = "add grants: [{projects: [NAME], read: [...], targets: [...]}]";
            problems.push(self.problem(self.tree.root(), "", "the policy grants nothing", hint));
        }
        for (number, grant) in self.spec.grants.iter().enumerate() {
            let node = item(self.tree, &["spec", "grants"], number);
            self.grant(node, number, grant, &mut problems);
        }
        problems
    }

    fn grant(&self, node: NodeId, number: usize, grant: &Grant, problems: &mut Problems) {
        let at = |field: &str| (self.tree.get(node, field).unwrap_or(node), format!("spec.grants[{number}].{field}"));
        for name in grant.clusters.iter().filter(|name| !self.spec.clusters.contains_key(*name)) {
            let (node, path) = at("clusters");
            let hint = known(name, self.spec.clusters.keys().map(String::as_str), "spec.clusters");
            problems.push(self.problem(node, &path, &format!("the policy has no cluster \"{name}\""), &hint));
        }
        for store in grant.stores.iter().filter(|store| !self.spec.stores.iter().any(|known| known.store == **store)) {
            let (node, path) = at("stores");
            let name = |store: &StoreRef| format!("{} {}", store.kind.name(), store.name);
            let names: Vec<String> = self.spec.stores.iter().map(|store| name(&store.store)).collect();
            let hint = known(&name(store), names.iter().map(String::as_str), "spec.stores");
            let what = format!("the policy does not say what is behind {}", name(store));
            problems.push(self.problem(node, &path, &what, &hint));
        }
        for scheme in grant.identity.keys().filter(|scheme| !self.spec.sources.contains_key(*scheme)) {
            let (node, path) = at("as");
            let hint = known(scheme, self.spec.sources.keys().map(String::as_str), "spec.sources");
            problems.push(self.problem(node, &path, &format!("the policy has no source \"{scheme}\""), &hint));
        }
    }

    fn problem(&self, node: NodeId, path: &str, what: &str, hint: &str) -> Problem {
        let place = format!("{}:{} {path}", self.source.name, self.tree.line(node));
        Problem::new(what).hint(hint).at(place.trim_end().to_owned())
    }
}

fn known<'k>(name: &str, all: impl Iterator<Item = &'k str>, place: &str) -> String {
    meant(name, all, |_| format!("add it under {place}"))
}
