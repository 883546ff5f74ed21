//! Vault Secrets Operator, whose chart leaves `honorLabels` off.
//!
//! Source: `internal/metrics`, `vault/client*.go` and the controllers of vault-secrets-operator v1.4.1. Nothing is told of
//! a single VaultStaticSecret or VaultDynamicSecret, and a read that fails is no failed reconciliation there: what fails
//! shows in the operations of the client, which know the VaultConnection and no namespace of a label.

use super::Severity::Warning;
use super::{Alert, Controller, Label, Panel, Query, Shape};

pub(super) static VAULT_SECRETS_OPERATOR: Controller = Controller {
    name: "vault-secrets-operator",
    title: "Vault Secrets Operator",
    group: "secrets.hashicorp.com",
    label: Label::Exported,
    alerts: ALERTS,
    panels: PANELS,
};

const READING: &[&str] = &["VaultDynamicSecret", "VaultPKISecret", "VaultStaticSecret"];
/// What has a status of its own.
const JUDGED: &[&str] = &["HCPAuth", "SecretTransformation", "VaultAuth", "VaultConnection", "VaultPKISecret"];
const ANY: &[&str] = &[
    "HCPAuth",
    "SecretTransformation",
    "VaultAuth",
    "VaultConnection",
    "VaultDynamicSecret",
    "VaultPKISecret",
    "VaultStaticSecret",
];

const ALERTS: &[Alert] = &[
    Alert {
        name: "VaultResourceInvalid",
        query: Query {
            kinds: JUDGED,
            text: "max by (controller, $namespace, name) (controller_resource_status{$namespaces}) == 0",
        },
        minutes: 10,
        severity: Warning,
        summary: "An object of Vault Secrets Operator is not valid.",
        description: "The {{ $labels.controller }} {{ $labels.$namespace }}/{{ $labels.name }} is not valid: Secrets that depend on it do not come, or grow old.",
    },
    Alert {
        name: "VaultOperationsFailing",
        query: Query {
            kinds: READING,
            text: "sum by (operation, vault_connection) (increase(vso_client_operations_errors_total[15m])) > 0",
        },
        minutes: 15,
        severity: Warning,
        summary: "Logins to Vault, or reads from it, keep failing.",
        description: r#"The operation {{ $labels.operation }} over VaultConnection {{ $labels.vault_connection }} failed {{ printf "%.0f" $value }} times within 15 minutes."#,
    },
    // Before there is a client: no VaultAuth, no ServiceAccount, no connection
    Alert {
        name: "VaultClientsFailing",
        query: Query {
            kinds: READING,
            text: "sum by (operation) (increase(vso_client_factory_requests_errors_total[15m])) > 0",
        },
        minutes: 15,
        severity: Warning,
        summary: "The operator cannot make a client for Vault.",
        description: r#"Making a client for Vault ({{ $labels.operation }}) failed {{ printf "%.0f" $value }} times within 15 minutes."#,
    },
    Alert {
        name: "VaultSecretsOperatorMetricsAbsent",
        query: Query { kinds: ANY, text: "absent(vso_build_info)" },
        minutes: 15,
        severity: Warning,
        summary: "Nothing is heard of Vault Secrets Operator.",
        description: "The operator does not run, or is not scraped: whether its Secrets are renewed is not known.",
    },
];

const PANELS: &[Panel] = &[
    Panel {
        title: "Objects that are not valid",
        query: Query { kinds: JUDGED, text: "count(controller_resource_status{$namespaces} == 0) or vector(0)" },
        shape: Shape::Faults,
    },
    Panel {
        title: "Operations in 5 minutes",
        query: Query { kinds: READING, text: "sum by (operation) (increase(vso_client_operations_total[5m]))" },
        shape: Shape::Lines("{{operation}}"),
    },
    Panel {
        title: "Failed operations in an hour",
        query: Query {
            kinds: READING,
            text: "sum by (operation, vault_connection) (increase(vso_client_operations_errors_total[1h]))",
        },
        shape: Shape::Lines("{{vault_connection}} {{operation}}"),
    },
];
