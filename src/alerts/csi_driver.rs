//! Secrets Store CSI Driver, from v1.4.0 on, whose metrics have no namespace.
//!
//! Source: `pkg/secrets-store/stats_reporter.go` and `nodeserver.go` of secrets-store-csi-driver v1.6.0; the exporter adds
//! `_total`. Series appear only on nodes that did such work since the driver started, so that their absence says nothing.
//! Since v1.6.0 a renewal is a mount, and one that fails counts as both.

use super::Severity::{Critical, Warning};
use super::{Alert, Controller, Label, Panel, Query, Shape};

pub(super) static CSI_DRIVER: Controller = Controller {
    name: "secrets-store-csi-driver",
    title: "Secrets Store CSI Driver",
    group: "secrets-store.csi.x-k8s.io",
    label: Label::Exported,
    alerts: ALERTS,
    panels: PANELS,
};

const MOUNTED: &[&str] = &["SecretProviderClass"];

const ALERTS: &[Alert] = &[
    Alert {
        name: "SecretMountsFailing",
        query: Query {
            kinds: MOUNTED,
            text: "sum by (provider, error_type) (increase(node_publish_error_total[5m])) - (sum by (provider, error_type) (increase(rotation_reconcile_error_total[5m])) or sum by (provider, error_type) (increase(node_publish_error_total[5m])) * 0) > 0.5",
        },
        minutes: 10,
        severity: Critical,
        summary: "Secrets cannot be mounted, and pods do not start.",
        description: r#"Mounting secrets of provider {{ $labels.provider }} failed {{ printf "%.0f" $value }} times within 5 minutes: {{ $labels.error_type }}."#,
    },
    Alert {
        name: "SecretRotationFailing",
        query: Query {
            kinds: MOUNTED,
            text: "sum by (provider, error_type) (increase(rotation_reconcile_error_total[15m])) > 0",
        },
        minutes: 15,
        severity: Warning,
        summary: "Mounted secrets are not renewed.",
        description: r#"Renewing mounted secrets of provider {{ $labels.provider }} failed {{ printf "%.0f" $value }} times within 15 minutes: {{ $labels.error_type }}."#,
    },
];

const PANELS: &[Panel] = &[
    Panel {
        title: "Mounts in 5 minutes",
        query: Query { kinds: MOUNTED, text: "sum by (provider) (increase(node_publish_total[5m]))" },
        shape: Shape::Lines("{{provider}}"),
    },
    Panel {
        title: "Failed mounts and renewals in an hour",
        query: Query { kinds: MOUNTED, text: "sum by (provider, error_type) (increase(node_publish_error_total[1h]))" },
        shape: Shape::Lines("{{provider}} {{error_type}}"),
    },
    Panel {
        title: "Failed renewals in an hour",
        query: Query {
            kinds: MOUNTED,
            text: "sum by (provider, error_type) (increase(rotation_reconcile_error_total[1h]))",
        },
        shape: Shape::Lines("{{provider}} {{error_type}}"),
    },
];
