//! Rules of Prometheus, as its files and the `PrometheusRule` of its operator have them.

use super::fill::Filling;
use super::{Alert, Controller, Terms, all};
use crate::yaml::Value;

/// The groups of rules, one for each controller that is watched.
#[must_use]
pub fn groups(terms: &Terms) -> Value<'static> {
    let group = |controller: &'static Controller| {
        let rules: Vec<Value> = controller.alerts.iter().flat_map(|alert| rules(controller, alert, terms)).collect();
        let name = Value::text(format!("{}-{}", terms.name, controller.name));
        (!rules.is_empty()).then(|| Value::map([("name", name), ("rules", Value::List(rules))]))
    };
    Value::map([("groups", Value::List(all().filter_map(group).collect()))])
}

fn rules(controller: &Controller, alert: &'static Alert, terms: &Terms) -> Vec<Value<'static>> {
    let runbook = format!("{}/{}.md", terms.runbooks.trim_end_matches('/'), alert.name);
    let rule = |filling: &Filling| {
        let mut labels = vec![("severity", Value::text(alert.severity.name()))];
        if let Some(ending) = filling.certificate() {
            labels.push(("fingerprint", Value::text(ending.fingerprint.clone())));
        }
        let mut rule =
            vec![("alert", Value::text(alert.name.as_str())), ("expr", Value::text(filling.query(&alert.query)))];
        if alert.minutes > 0 {
            rule.push(("for", Value::text(format!("{}m", alert.minutes))));
        }
        rule.push(("labels", Value::map(labels)));
        let annotations = [
            ("description", Value::text(filling.text(&alert.description))),
            ("runbook_url", Value::text(runbook.clone())),
            ("summary", Value::text(alert.summary.as_str())),
        ];
        rule.push(("annotations", Value::map(annotations)));
        Value::map(rule)
    };
    Filling::of(controller, &alert.query, terms).iter().map(rule).collect()
}
