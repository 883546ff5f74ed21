//! A question as an object that the API server answers.
//! Source: the group `authorization.k8s.io/v1` of Kubernetes.

use serde_json::{Map, Value, json};

use super::access::User;
use super::policy::{Object, Request, Resource};

impl Request<'_> {
    /// May we ourselves do it?
    #[must_use]
    pub fn of_ourselves(&self) -> Value {
        self.review("SelfSubjectAccessReview", &json!({}), Map::new())
    }

    /// May somebody else do it?
    #[must_use]
    pub fn of_another(&self, user: &User) -> Value {
        self.review("SubjectAccessReview", &json!({}), who(user))
    }

    /// The same, as who may ask in the namespace alone; None where it is about none.
    #[must_use]
    pub fn of_another_nearby(&self, user: &User) -> Option<Value> {
        let Object::Resource(Resource { namespace, .. }) = &self.object else { return None };
        let review = || self.review("LocalSubjectAccessReview", &json!({"namespace": namespace}), who(user));
        (!namespace.is_empty()).then(review)
    }

    fn review(&self, kind: &str, metadata: &Value, mut spec: Map<String, Value>) -> Value {
        let (key, attributes) = match &self.object {
            Object::Path(path) => ("nonResourceAttributes", json!({"verb": self.verb, "path": path})),
            Object::Resource(asked) => (
                "resourceAttributes",
                json!({
                    "verb": self.verb, "group": asked.group, "resource": asked.resource,
                    "subresource": asked.subresource, "namespace": asked.namespace, "name": asked.name,
                }),
            ),
        };
        spec.insert(key.to_owned(), attributes);
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "spec": spec})
    }
}

/// A group stands for anybody in it, who then has no name.
fn who(user: &User) -> Map<String, Value> {
    let name = Some(("user".to_owned(), json!(user.name))).filter(|_| !user.name.is_empty());
    name.into_iter().chain([("groups".to_owned(), json!(user.groups))]).collect()
}
