//! Sealed Secrets, whose chart sets `honorLabels`.
//!
//! Source: `pkg/controller/metrics.go` of sealed-secrets v0.38.4. Failed attempts are over in a fifth of a second, and
//! their counter is born with them: no rate ever sees that. No metric tells the age of a certificate, but we know it.

use super::Severity::{Critical, Warning};
use super::{Alert, Controller, Label, Panel, Query, Shape};

pub(super) static SEALED_SECRETS: Controller = Controller {
    name: "sealed-secrets",
    title: "Sealed Secrets",
    group: "bitnami.com",
    label: Label::Own,
    alerts: ALERTS,
    panels: PANELS,
};

const SEALED: &[&str] = &["SealedSecret"];

const ALERTS: &[Alert] = &[
    Alert {
        name: "SealedSecretNotSynced",
        query: Query {
            kinds: SEALED,
            text: r#"max by ($namespace, name) (sealed_secrets_controller_condition_info{condition="Synced",$namespaces}) == -1"#,
        },
        minutes: 5,
        severity: Warning,
        summary: "A SealedSecret cannot be opened.",
        description: "SealedSecret {{ $labels.$namespace }}/{{ $labels.name }} is not synced: its Secret is missing or old, and the controller does not try again.",
    },
    // Also where the controller does not tell of each SealedSecret
    Alert {
        name: "SealedSecretsUnsealErrors",
        query: Query {
            kinds: SEALED,
            text: "(sum by (reason, $namespace) (increase(sealed_secrets_controller_unseal_errors_total{$namespaces}[15m])) > 0 or sum by (reason, $namespace) (sealed_secrets_controller_unseal_errors_total{$namespaces} unless sealed_secrets_controller_unseal_errors_total{$namespaces} offset 15m) > 0) unless on ($namespace) sealed_secrets_controller_condition_info{condition=\"Synced\",$namespaces} == -1",
        },
        minutes: 0,
        severity: Warning,
        summary: "SealedSecrets could not be opened.",
        description: r#"Opening SealedSecrets of namespace {{ $labels.$namespace }} failed {{ printf "%.0f" $value }} times within 15 minutes, reason {{ $labels.reason }}."#,
    },
    Alert {
        name: "SealedSecretsMetricsAbsent",
        query: Query { kinds: SEALED, text: "absent(sealed_secrets_controller_unseal_requests_total)" },
        minutes: 15,
        severity: Warning,
        summary: "Nothing is heard of the sealed-secrets controller.",
        description: "The controller does not run, or is not scraped: whether SealedSecrets are opened is not known.",
    },
    Alert {
        name: "SealingCertificateEndsSoon",
        query: Query { kinds: SEALED, text: "($left < $soon) >= 0" },
        minutes: 0,
        severity: Warning,
        summary: "A sealing certificate ends soon.",
        description: "The sealing certificate $certificate ends in {{ $value | humanizeDuration }}, at $date.",
    },
    Alert {
        name: "SealingCertificateExpired",
        query: Query { kinds: SEALED, text: "$left < 0" },
        minutes: 0,
        severity: Critical,
        summary: "A sealing certificate has ended: nothing new can be sealed.",
        description: "The sealing certificate $certificate ended at $date. What is sealed is still opened; nothing new should be sealed for it.",
    },
];

const PANELS: &[Panel] = &[
    Panel {
        title: "SealedSecrets that are not synced",
        query: Query {
            kinds: SEALED,
            text: r#"count(sealed_secrets_controller_condition_info{condition="Synced",$namespaces} == -1) or vector(0)"#,
        },
        shape: Shape::Faults,
    },
    Panel {
        title: "Failed attempts in an hour",
        query: Query {
            kinds: SEALED,
            text: "sum by (reason, $namespace) (increase(sealed_secrets_controller_unseal_errors_total{$namespaces}[1h]))",
        },
        shape: Shape::Lines("{{$namespace}} {{reason}}"),
    },
    Panel {
        title: "Time that sealing certificates have left",
        query: Query { kinds: SEALED, text: "$left" },
        shape: Shape::Left,
    },
];
