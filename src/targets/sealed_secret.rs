//! SealedSecret of sealed-secrets: values are composed and encrypted here, for the controller alone.
//!
//! Never `template.data`: the final value is known, so every byte of it goes through the cipher.
//! Source: `pkg/apis/sealedsecrets/v1alpha1` of bitnami/sealed-secrets.

use std::borrow::Cow;

use super::{Seal, Target, Terms, metadata};
use crate::error::Problem;
use crate::model::{Identity, Makes, Provision, SEALED_FOR, SEALED_WITH, Scope};
use crate::yaml::{Tree, Value};

pub(super) struct SealedSecret;

const API_VERSION: &str = "bitnami.com/v1alpha1";
const KIND: &str = "SealedSecret";

/// In the template: the controller writes no owner, and takes the one off that it wrote.
pub(super) const UNOWNED: (&str, &str) = ("sealedsecrets.bitnami.com/skip-set-owner-references", "true");

impl Target for SealedSecret {
    fn name(&self) -> &'static str {
        KIND
    }

    fn seals(&self) -> bool {
        true
    }

    fn condition(&self) -> &'static str {
        "Synced"
    }

    fn makes(&self, object: &Tree) -> Result<Makes, Problem> {
        let template = object.at(object.root(), &["spec", "template"]);
        Ok(Makes::read(object, template, template))
    }

    fn release(&self, _: &Tree) -> Result<Value<'static>, Problem> {
        let annotations = [metadata::FREE, UNOWNED].map(|(name, value)| (name, Value::text(value)));
        let template = [("metadata", Value::map([("annotations", Value::map(annotations))]))];
        Ok(Value::map([("spec", Value::map([("template", Value::map(template))]))]))
    }

    fn can(&self, provision: &Provision) -> Result<(), Problem> {
        if provision.scope != Scope::ClusterWide && provision.secret.namespace.is_none() {
            let scope = provision.scope.name();
            return Err(Problem::new(format!("the namespace is not known, and scope {scope} seals for one"))
                .hint("write metadata.namespace (in a kustomization `namespace:`), or give --namespace"));
        }
        Ok(())
    }

    fn emit<'p>(
        &self,
        provision: &'p Provision,
        name: &'p str,
        terms: &'p Terms,
        seal: Seal,
    ) -> Result<Vec<(Identity, Value<'p>)>, Problem> {
        let namespace = &provision.secret.namespace;
        let mut sealed = vec![];
        for item in &provision.items {
            sealed.push(((&*item.key).into(), Value::text(seal(&item.key, &item.template)?)));
        }
        sealed.sort_by(|(a, _): &(Cow<str>, _), (b, _)| a.cmp(b));
        let scope = metadata::scope(provision.scope);
        let sealed_for = format!("{}/{name}", namespace.as_deref().unwrap_or(""));
        let mut annotations = vec![(SEALED_FOR, sealed_for.into())];
        if !terms.sealed_with.is_empty() {
            annotations.push((SEALED_WITH, terms.sealed_with.as_str().into()));
        }
        annotations.extend(scope.clone());
        let mut template = vec![];
        if let Some(immutable) = provision.immutable {
            template.push(("immutable", Value::Bool(immutable)));
        }
        let mut more: Vec<(&str, Cow<str>)> = scope.into_iter().collect();
        if terms.handover {
            more.extend(metadata::HANDOVER.into_iter().chain([UNOWNED]).map(|(name, value)| (name, value.into())));
        }
        if let Some(metadata) = metadata::inner(provision, more) {
            template.push(("metadata", metadata));
        }
        if let Some(kind) = &provision.secret_type {
            template.push(("type", Value::text(kind.as_str())));
        }
        let mut spec = vec![("encryptedData", Value::Map(sealed))];
        if !template.is_empty() {
            spec.push(("template", Value::map(template)));
        }
        let value = Value::map([
            ("apiVersion", Value::text(API_VERSION)),
            ("kind", Value::text(KIND)),
            ("metadata", metadata::outer(provision, name, annotations)),
            ("spec", Value::map(spec)),
        ]);
        let identity = Identity {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            namespace: namespace.clone(),
            name: name.to_owned(),
        };
        Ok(vec![(identity, value)])
    }
}
