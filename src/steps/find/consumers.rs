//! Who names Secrets and ConfigMaps, by group and kind: our table, and what the settings add to it.
//!
//! A line of the table is group, kinds, path and form. `{pod}` and `{container}` stand for the lines of that name; a
//! form that ends in `configMap` names a ConfigMap.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::model::{Form, Identity, ManifestId, Object, Refresh, Use, each};
use crate::settings::Consumer;
use crate::yaml::{NodeId, Scalar, Tree};

/// One path at which names stand.
struct Path {
    path: String,
    form: Form,
    object: Object,
}

type Table = BTreeMap<(&'static str, &'static str), Vec<Path>>;

/// A line as it is written.
type Line = (&'static str, &'static str, &'static str, &'static str);

fn lines() -> impl Iterator<Item = Line> {
    include_str!("consumers.tsv").lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        Some((columns.next()?, columns.next()?, columns.next()?, columns.next()?))
    })
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let macros: Vec<Line> = lines().take_while(|(group, ..)| group.starts_with('{')).collect();
    let mut table = Table::new();
    for (group, kinds, path, form) in lines().skip(macros.len()) {
        for kind in kinds.split(',') {
            expand(path, form, &macros, &mut |path, form| {
                let (form, object) = read(form);
                table.entry((group, kind)).or_default().push(Path { path, form, object });
            });
        }
    }
    table
});

/// Puts the lines that a name in braces stands for in its place.
fn expand(path: &str, form: &str, macros: &[Line], see: &mut dyn FnMut(String, &str)) {
    let Some(at) = path.find('{') else {
        return see(path.to_owned(), form);
    };
    let (before, name) = path.split_at(at);
    for (_, _, inner, form) in macros.iter().filter(|(group, ..)| *group == name) {
        expand(&format!("{before}{inner}"), form, macros, see);
    }
}

fn read(form: &str) -> (Form, Object) {
    let (form, object) = match form.strip_suffix(" configMap") {
        Some(form) => (form, Object::ConfigMaps),
        None => (form, Object::Secrets),
    };
    let form = match form {
        "variable" => Form::Env,
        "envFrom" => Form::EnvFrom,
        "kind" => Form::Kind,
        "projected" => Form::Projected,
        "roleNames" => Form::RoleNames,
        "slashed" => Form::Slashed,
        "volume" => Form::Volume,
        _ => Form::Other,
    };
    (form, object)
}

/// Words of which every object in the table holds one, if only its group.
pub fn markers() -> impl Iterator<Item = &'static str> {
    let groups: BTreeSet<&str> = lines().map(|(group, ..)| group).filter(|group| group.contains('.')).collect();
    // `secretName` and `configMapRef` have no capital letter at their beginning.
    groups.into_iter().chain(["ecret", "onfigMap", "onfigmap"])
}

/// A use, with what it names.
pub(super) type Named = ((Object, String), Use);

/// Every name of a Secret or ConfigMap in an object.
pub(super) fn uses(tree: &Tree, id: ManifestId, identity: &Identity, more: &[Consumer]) -> Vec<Named> {
    let mut uses = vec![];
    let visit = Visit { tree, id, identity };
    for path in TABLE.get(&(identity.group(), identity.kind.as_str())).into_iter().flatten() {
        visit.visit(path, &mut uses);
    }
    for said in more.iter().filter(|said| identity.is(&said.group, &said.kind)) {
        let path = Path { path: said.path.as_str().to_owned(), form: Form::Other, object: Object::Secrets };
        visit.visit(&path, &mut uses);
    }
    uses
}

struct Visit<'v, 's> {
    tree: &'v Tree<'s>,
    id: ManifestId,
    identity: &'v Identity,
}

impl Visit<'_, '_> {
    /// A volume is refreshed or not by the word of who mounts it, so its pod is asked.
    fn visit(&self, path: &Path, uses: &mut Vec<Named>) {
        let tree = self.tree;
        match path.path.split_once("volumes[]/") {
            Some((pod, below)) if matches!(path.form, Form::Volume | Form::Projected) => {
                each(tree, tree.root(), pod.trim_end_matches('/'), &mut |pod| {
                    each(tree, pod, "volumes[]", &mut |volume| {
                        self.below(volume, below, path, mounted(tree, pod, volume), uses);
                    });
                });
            }
            _ => self.below(tree.root(), &path.path, path, refresh(path.form), uses),
        }
    }

    fn below(&self, from: NodeId, below: &str, path: &Path, refresh: Refresh, uses: &mut Vec<Named>) {
        let tree = self.tree;
        let (outer, last) = below.rsplit_once('/').unwrap_or(("", below));
        let (before, inner) = outer.rsplit_once('/').unwrap_or(("", outer));
        each(tree, from, before, &mut |around| {
            each(tree, around, inner, &mut |holder| {
                each(tree, holder, last, &mut |node| {
                    let key = last.trim_end_matches("[]");
                    uses.extend(self.uses([around, holder, node], key, path, refresh));
                });
            });
        });
    }

    fn uses(&self, [around, holder, node]: [NodeId; 3], key: &str, path: &Path, refresh: Refresh) -> Vec<Named> {
        let tree = self.tree;
        let text = |key: &str| tree.get(holder, key).and_then(|node| tree.text(node));
        let objects = match (path.form, text("kind")) {
            (Form::RoleNames, _) => objects_of_rule(tree, holder),
            (Form::Kind, Some("ConfigMap")) => vec![Object::ConfigMaps],
            (Form::Kind | Form::Other, Some(kind)) if kind != "Secret" => vec![],
            _ => vec![path.object],
        };
        let Some(said) = tree.text(node).filter(|name| !name.is_empty()) else {
            return vec![];
        };
        let (namespace, name) = match said.split_once('/') {
            Some((namespace, name)) if path.form == Form::Slashed => (Some(namespace), name),
            // A template of the namespace may be any.
            _ => (text(&beside(key)).filter(|text| !text.is_empty() && !text.contains("${")), said),
        };
        let namespace = namespace.or(self.identity.namespace.as_deref());
        let optional = tree.get(holder, "optional").and_then(|node| tree.scalar(node));
        let usage = || Use {
            consumer: self.id,
            namespace: namespace.map(str::to_owned),
            node,
            holder,
            around,
            form: path.form,
            refresh,
            optional: matches!(optional, Some(Scalar::Bool(true))),
        };
        objects.into_iter().map(|object| ((object, name.to_owned()), usage())).collect()
    }
}

/// The key of the namespace that may stand beside the key of a name.
fn beside(key: &str) -> String {
    match key.strip_suffix("Name") {
        Some(front) => format!("{front}Namespace"),
        None => key.strip_suffix("name").map(|front| format!("{front}namespace")).unwrap_or_default(),
    }
}

/// What the names of a rule of a role may be names of.
fn objects_of_rule(tree: &Tree, rule: NodeId) -> Vec<Object> {
    let says = |list: &str, words: [&str; 2]| {
        let list = tree.get(rule, list).into_iter().flat_map(|list| tree.items(list));
        list.filter_map(|item| tree.text(item)).any(|text| words.contains(&text))
    };
    let kinds = [("secrets", Object::Secrets), ("configmaps", Object::ConfigMaps)];
    let named = kinds.into_iter().filter(|(word, _)| says("apiGroups", ["", "*"]) && says("resources", [word, "*"]));
    named.map(|(_, object)| object).collect()
}

fn refresh(form: Form) -> Refresh {
    match form {
        Form::Env | Form::EnvFrom => Refresh::Restart,
        _ => Refresh::Live,
    }
}

/// The kubelet refreshes a volume, but not through `subPath`, and init containers have read theirs.
fn mounted(tree: &Tree, pod: NodeId, volume: NodeId) -> Refresh {
    let name = |node| tree.get(node, "name").and_then(|node| tree.text(node));
    let mut found = Refresh::Live;
    for (list, whole) in [("initContainers[]", true), ("containers[]", false), ("ephemeralContainers[]", false)] {
        each(tree, pod, &format!("{list}/volumeMounts[]"), &mut |mount| {
            let part = ["subPath", "subPathExpr"].iter().any(|key| tree.get(mount, key).is_some());
            if name(mount) == name(volume) && (whole || part) {
                found = Refresh::Restart;
            }
        });
    }
    found
}
