//! External Secrets, whose chart leaves `honorLabels` off.
//!
//! Source: `pkg/controllers/*/*metrics` and `runtime/metrics` of external-secrets v2.9.0. The condition of a
//! ClusterExternalSecret is only ever told as true, so it has no alert; the ExternalSecrets that it makes have.

use super::Severity::{Critical, Warning};
use super::{Alert, Controller, Label, Panel, Query, Shape};

pub(super) static EXTERNAL_SECRETS: Controller = Controller {
    name: "external-secrets",
    title: "External Secrets",
    group: "external-secrets.io",
    label: Label::Exported,
    alerts: ALERTS,
    panels: PANELS,
};

const SYNCED: &[&str] = &["ClusterExternalSecret", "ExternalSecret"];
const CALLING: &[&str] = &["ClusterExternalSecret", "ClusterPushSecret", "ExternalSecret", "PushSecret"];

const ALERTS: &[Alert] = &[
    Alert {
        name: "ExternalSecretNotReady",
        query: Query {
            kinds: SYNCED,
            text: r#"max by ($namespace, name) (externalsecret_status_condition{condition="Ready",status="False",$namespaces}) == 1"#,
        },
        minutes: 10,
        severity: Warning,
        summary: "An ExternalSecret cannot be synced.",
        description: "ExternalSecret {{ $labels.$namespace }}/{{ $labels.name }} is not ready: its Secret is missing or grows old.",
    },
    // Never unready for long, so that the alert above stays silent
    Alert {
        name: "ExternalSecretUnsteady",
        query: Query {
            kinds: SYNCED,
            text: r#"sum by ($namespace, name) (increase(externalsecret_sync_calls_error{$namespaces}[1h])) > 3 unless on ($namespace, name) externalsecret_status_condition{condition="Ready",status="False",$namespaces} == 1"#,
        },
        minutes: 30,
        severity: Warning,
        summary: "An ExternalSecret fails again and again, and succeeds in between.",
        description: r#"ExternalSecret {{ $labels.$namespace }}/{{ $labels.name }} failed {{ printf "%.0f" $value }} times within an hour."#,
    },
    Alert {
        name: "ExternalSecretsMetricsAbsent",
        query: Query { kinds: SYNCED, text: "absent(externalsecret_status_condition{$namespaces})" },
        minutes: 15,
        severity: Warning,
        summary: "Nothing is heard of the ExternalSecrets.",
        description: "The operator tells nothing of the ExternalSecrets of this stream: it does not run, is not scraped, or the label of their namespace is another one than $namespace.",
    },
    Alert {
        name: "SecretStoreNotReady",
        query: Query {
            kinds: &["SecretStore"],
            text: r#"max by ($namespace, name) (secretstore_status_condition{condition="Ready",status="False",$namespaces}) == 1"#,
        },
        minutes: 5,
        severity: Critical,
        summary: "A SecretStore cannot be used.",
        description: "SecretStore {{ $labels.$namespace }}/{{ $labels.name }} is not ready: no Secret that comes from it is renewed.",
    },
    Alert {
        name: "ClusterSecretStoreNotReady",
        query: Query {
            kinds: &["ClusterSecretStore"],
            text: r#"max by (name) (clustersecretstore_status_condition{condition="Ready",status="False",$objects}) == 1"#,
        },
        minutes: 5,
        severity: Critical,
        summary: "A ClusterSecretStore cannot be used.",
        description: "ClusterSecretStore {{ $labels.name }} is not ready: no Secret that comes from it is renewed.",
    },
    Alert {
        name: "SecretProviderCallsFailing",
        query: Query {
            kinds: CALLING,
            text: r#"sum by (provider, call) (rate(externalsecret_provider_api_calls_count{status="error"}[15m])) / sum by (provider, call) (rate(externalsecret_provider_api_calls_count[15m])) > 0.2"#,
        },
        minutes: 15,
        severity: Warning,
        summary: "More than a fifth of the calls to a provider of secrets fail.",
        description: "{{ $value | humanizePercentage }} of the calls {{ $labels.call }} to {{ $labels.provider }} fail.",
    },
    Alert {
        name: "PushSecretNotReady",
        query: Query {
            kinds: &["ClusterPushSecret", "PushSecret"],
            text: r#"max by ($namespace, name) (pushsecret_status_condition{condition="Ready",status="False",$namespaces}) == 1"#,
        },
        minutes: 10,
        severity: Warning,
        summary: "A PushSecret cannot write to its store.",
        description: "PushSecret {{ $labels.$namespace }}/{{ $labels.name }} is not ready: the store has an older value, or none.",
    },
];

const PANELS: &[Panel] = &[
    Panel {
        title: "ExternalSecrets that are not ready",
        query: Query {
            kinds: SYNCED,
            text: r#"sum(externalsecret_status_condition{condition="Ready",status="False",$namespaces}) or vector(0)"#,
        },
        shape: Shape::Faults,
    },
    Panel {
        title: "Failed syncs in an hour",
        query: Query {
            kinds: SYNCED,
            text: "sum by ($namespace) (increase(externalsecret_sync_calls_error{$namespaces}[1h]))",
        },
        shape: Shape::Lines("{{$namespace}}"),
    },
    Panel {
        title: "Calls to providers in 5 minutes",
        query: Query {
            kinds: CALLING,
            text: "sum by (provider, status) (increase(externalsecret_provider_api_calls_count[5m]))",
        },
        shape: Shape::Lines("{{provider}} {{status}}"),
    },
];
