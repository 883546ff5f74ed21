//! What a cluster says of who may do what: its roles, bindings and ServiceAccounts, and answers to single questions.
//! Never a Secret: these lists and these reviews are all that is ever asked here.
//! Source: the groups `rbac.authorization.k8s.io`, `authorization.k8s.io` and `authentication.k8s.io` of Kubernetes.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::config::Cluster;
use super::lists::List;
use crate::error::{Exit, Problem};
use crate::model::{Ask, Reply, Source, Wire};
use crate::sources::answer::{Known, json, refusal};

/// The API server of the current context.
pub struct Api(Cluster);

/// A path, and the kind of what is in the list.
const LISTS: [(&str, &str); 5] = [
    ("/api/v1/serviceaccounts", "ServiceAccount"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "ClusterRoleBinding"),
    ("/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole"),
    ("/apis/rbac.authorization.k8s.io/v1/rolebindings", "RoleBinding"),
    ("/apis/rbac.authorization.k8s.io/v1/roles", "Role"),
];

const REVIEWS: &str = "/apis/authorization.k8s.io/v1";

const REFUSALS: [Known; 4] = [
    (401, "the cluster does not know who asks", "has the token expired? log in anew"),
    (403, "access is denied", "docs/check.md has the rights that this takes"),
    (404, "the cluster has no such thing", "is the server of the current context an API server, 1.28 or later?"),
    (410, "the list has changed under way", "run it again"),
];

#[derive(Deserialize)]
struct Reviewed<S> {
    status: S,
}

#[derive(Deserialize)]
struct Verdict {
    allowed: bool,
}

#[derive(Deserialize)]
struct Myself {
    #[serde(rename = "userInfo")]
    user: Who,
}

/// Somebody as the API server knows him.
#[derive(Deserialize)]
pub struct Who {
    /// The user name.
    #[serde(default)]
    pub username: String,
    /// All groups, implicit ones too.
    #[serde(default)]
    pub groups: Vec<String>,
}

impl Api {
    /// The cluster of the kubeconfig, or of the pod.
    ///
    /// # Errors
    /// None is known, or its kubeconfig is not taken.
    pub fn find(wire: &mut dyn Wire) -> Result<Self, Problem> {
        Cluster::find(wire).map(Self)
    }

    /// Whom the cluster takes us for.
    ///
    /// # Errors
    /// It does not answer, or refuses.
    pub fn myself(&self, wire: &mut dyn Wire) -> Result<Who, Problem> {
        let operation = "asking the cluster who we are".to_owned();
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
        let reply = wire.ask(self.post(operation.clone(), path, &review))?;
        let answer: Reviewed<Myself> = json(taken(&operation, &reply)?, "the API server")?;
        Ok(answer.status.user)
    }

    /// All roles, bindings and ServiceAccounts, one a document, in pages.
    ///
    /// # Errors
    /// One of the lists is refused: a part of them would give wrong answers.
    pub fn objects(&self, wire: &mut dyn Wire) -> Result<Source, Problem> {
        let lists = LISTS.map(|(path, kind)| List {
            path: path.to_owned(),
            kind,
            operation: format!("listing the objects of kind {kind}"),
        });
        let documents = self.0.lists(&lists, taken, |kind, item| Ok(document(kind, item)), wire)?;
        Ok(Source::new("the cluster", documents.concat()))
    }

    /// What is allowed: a review (`SubjectAccessReview` or one of its kin) a question, answers in order.
    ///
    /// # Errors
    /// One is refused (exit 3), or is not answered.
    pub fn allowed(&self, reviews: &[Value], wire: &mut dyn Wire) -> Result<Vec<bool>, Problem> {
        let operation = "asking the cluster what is allowed";
        let ask = |review: &Value| {
            let text = |path| review.pointer(path).and_then(Value::as_str);
            let kind = text("/kind").unwrap_or_default().to_lowercase();
            let path = match text("/metadata/namespace") {
                Some(namespace) => format!("{REVIEWS}/namespaces/{namespace}/{kind}s"),
                None => format!("{REVIEWS}/{kind}s"),
            };
            self.post(operation.to_owned(), &path, review)
        };
        let verdict = |reply: Result<Reply, Problem>| {
            let reply = reply?;
            let answer: Reviewed<Verdict> = json(taken(operation, &reply)?, "the API server")?;
            Ok(answer.status.allowed)
        };
        wire.ask_all(reviews.iter().map(ask).collect()).into_iter().map(verdict).collect()
    }

    fn post(&self, operation: String, path: &str, body: &Value) -> Ask {
        Ask::Http(self.0.post(operation, path, Zeroizing::new(body.to_string().into_bytes())))
    }
}

/// What the server sent along with its yes; 201 where a review was made, which is kept nowhere.
fn taken<'r>(operation: &str, reply: &'r Reply) -> Result<&'r [u8], Problem> {
    match reply.status {
        200 | 201 => Ok(&reply.bytes),
        403 => Err(refusal(operation, 403, &REFUSALS).exit(Exit::Refused)),
        status => Err(refusal(operation, status, &REFUSALS)),
    }
}

/// What matters of an object; annotations, which hold whatever somebody put there, do not.
fn document(kind: &str, mut item: Map<String, Value>) -> String {
    let metadata = item.remove("metadata");
    let metadata: Map<String, Value> = ["name", "namespace", "labels"]
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), metadata.as_ref()?.get(key)?.clone())))
        .collect();
    let keys = ["aggregationRule", "roleRef", "rules", "subjects"].into_iter();
    let mut kept: Map<String, Value> =
        keys.filter_map(|key| item.remove_entry(key)).filter(|(_, value)| !value.is_null()).collect();
    kept.insert("kind".to_owned(), json!(kind));
    kept.insert("metadata".to_owned(), Value::Object(metadata));
    format!("---\n{}\n", Value::Object(kept))
}
