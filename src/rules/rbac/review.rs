//! A question as an object that the API server answers.
//! Source: the group `authorization.k8s.io/v1` of Kubernetes.

use serde_json::{Value, json};

use super::access::User;
use super::policy::{Object, Request};

impl Request<'_> {
    /// May we ourselves do it?
    #[must_use]
    pub fn of_ourselves(&self) -> Value {
        self.review("SelfSubjectAccessReview", json!({}))
    }

    /// May somebody else do it?
    #[must_use]
    pub fn of_another(&self, user: &User) -> Value {
        self.review("SubjectAccessReview", who(user))
    }

    /// The same, as who may ask in the namespace alone; None where it is about none.
    #[must_use]
    pub fn of_another_nearby(&self, user: &User) -> Option<Value> {
        let Object::Resource(resource) = &self.object else { return None };
        let mut review = self.review("LocalSubjectAccessReview", who(user));
        review["metadata"] = json!({"namespace": resource.namespace});
        (!resource.namespace.is_empty()).then_some(review)
    }

    fn review(&self, kind: &str, mut spec: Value) -> Value {
        match &self.object {
            Object::Path(path) => spec["nonResourceAttributes"] = json!({"verb": self.verb, "path": path}),
            Object::Resource(asked) => {
                spec["resourceAttributes"] = json!({
                    "verb": self.verb, "group": asked.group, "resource": asked.resource,
                    "subresource": asked.subresource, "namespace": asked.namespace, "name": asked.name,
                });
            }
        }
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec})
    }
}

/// A group stands for anybody in it, who then has no name.
fn who(user: &User) -> Value {
    let mut spec = json!({"groups": user.groups});
    if !user.name.is_empty() {
        spec["user"] = json!(user.name);
    }
    spec
}
