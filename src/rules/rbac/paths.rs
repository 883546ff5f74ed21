//! The indirect ways to the value of a Secret: what somebody may do who then reads it without any right to secrets.
//!
//! Sources: the RBAC good practices and the authorization pages of Kubernetes; KEP-5284 (constrained impersonation);
//! the API groups of the operators that are named.

/// One way.
pub struct Path {
    /// `P1`, as `docs/rbac.md` counts them.
    pub id: &'static str,
    /// What somebody may do: `create pods`.
    pub what: &'static str,
    /// How that leads to the value.
    pub why: &'static str,
    /// Any of these suffices; of each all parts are needed.
    pub needs: &'static [&'static [Need]],
}

/// One right: any of the verbs on any of the resources.
pub struct Need {
    /// A verb that ends in a colon stands for all that begin so.
    pub verbs: &'static [&'static str],
    /// The API group.
    pub group: &'static str,
    /// `pods`, `pods/exec`; `userextras/*`: any of its subresources.
    pub resources: &'static [&'static str],
    /// Where it must hold.
    pub scope: Scope,
    /// Which names help, where a rule lists names.
    pub named: Named,
}

/// Where a right must hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Cluster-wide: the resource has no namespace.
    Cluster,
    /// In the namespace of the sealed-secrets controller.
    SealingKeys,
    /// In the Secret's namespace.
    Secret,
}

/// Which of the names that a rule lists help.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// Any object will do.
    Any,
    /// The request names none, so a rule with names never matches.
    Never,
    /// The Secret's own namespace.
    Namespace,
    /// A role that grants reading the Secret.
    Role,
    /// A ServiceAccount of the Secret's namespace that may read it.
    ServiceAccount,
    /// A signer that issues certificates for clients of the API server.
    Signer,
    /// A user or group that may read it.
    User,
}

const fn need(
    verbs: &'static [&'static str],
    group: &'static str,
    resources: &'static [&'static str],
    scope: Scope,
    named: Named,
) -> Need {
    Need { verbs, group, resources, scope, named }
}

const CREATE: &[&str] = &["create"];
const CHANGE: &[&str] = &["update", "patch"];
const WRITE: &[&str] = &["create", "update", "patch"];
const RBAC: &str = "rbac.authorization.k8s.io";
const ESO: &str = "external-secrets.io";
use Named::{Any, Never};
use Scope::{Cluster, SealingKeys, Secret};

/// All ways. P17 is asked only for Secrets that a SealedSecret provides. P20 (`*` as a verb holds impersonate, bind and
/// escalate) and P21 (roles that External Secrets aggregates to edit) are what matching and aggregation give anyway.
pub static PATHS: &[Path] = &[
    Path {
        id: "P1",
        what: "create pods",
        why: "a pod mounts any Secret of its namespace and runs as any ServiceAccount of it",
        needs: &[&[need(CREATE, "", &["pods"], Secret, Never)]],
    },
    Path {
        id: "P2",
        what: "write workloads",
        why: "the pods that are made of them mount any Secret of the namespace",
        needs: &[
            &[need(WRITE, "apps", &["daemonsets", "deployments", "replicasets", "statefulsets"], Secret, Any)],
            &[need(WRITE, "batch", &["cronjobs", "jobs"], Secret, Any)],
            &[need(WRITE, "", &["replicationcontrollers"], Secret, Any)],
            &[need(WRITE, "argoproj.io", &["cronworkflows", "rollouts", "workflows"], Secret, Any)],
            &[need(WRITE, "tekton.dev", &["pipelineruns", "taskruns"], Secret, Any)],
            &[need(WRITE, "serving.knative.dev", &["configurations", "services"], Secret, Any)],
            &[need(WRITE, "sparkoperator.k8s.io", &["scheduledsparkapplications", "sparkapplications"], Secret, Any)],
            &[need(WRITE, "postgresql.cnpg.io", &["clusters"], Secret, Any)],
            &[need(WRITE, "kafka.strimzi.io", &["kafkaconnects", "kafkas"], Secret, Any)],
        ],
    },
    Path {
        id: "P3",
        what: "change pods",
        why: "another image in a running pod reads the Secrets that the pod has",
        needs: &[&[need(CHANGE, "", &["pods"], Secret, Any)]],
    },
    Path {
        id: "P4",
        what: "exec into or attach to pods",
        why: "files and environment of a container can be read (with get alone: before Kubernetes 1.35)",
        needs: &[&[need(&["create", "get"], "", &["pods/attach", "pods/exec"], Secret, Any)]],
    },
    Path {
        id: "P5",
        what: "add ephemeral containers to pods",
        why: "a new container in a running pod mounts its volumes",
        needs: &[&[need(CHANGE, "", &["pods/ephemeralcontainers"], Secret, Any)]],
    },
    Path {
        id: "P6",
        what: "reach kubelets through nodes/proxy",
        why: "a kubelet runs commands in any pod of its node, and no admission or audit sees it",
        needs: &[&[need(&["create", "get"], "", &["nodes/proxy"], Cluster, Any)]],
    },
    Path {
        id: "P7",
        what: "issue tokens of ServiceAccounts",
        why: "a token is all that it takes to be the ServiceAccount",
        needs: &[&[need(CREATE, "", &["serviceaccounts/token"], Secret, Named::ServiceAccount)]],
    },
    Path {
        id: "P8",
        what: "impersonate",
        why: "requests are then judged as those of somebody who may read it",
        needs: &[
            &[need(&["impersonate"], "", &["groups", "users"], Cluster, Named::User)],
            &[need(&["impersonate"], "", &["serviceaccounts"], Secret, Named::ServiceAccount)],
            &[need(&["impersonate"], "authentication.k8s.io", &["uids", "userextras/*"], Cluster, Any)],
            &[need(&["impersonate:"], "authentication.k8s.io", &["groups", "users"], Cluster, Named::User)],
            &[need(&["impersonate:"], "authentication.k8s.io", &["serviceaccounts"], Secret, Named::ServiceAccount)],
        ],
    },
    Path {
        id: "P9",
        what: "bind roles",
        why: "a binding gives any role that may be bound, cluster-admin too, to oneself",
        needs: &[
            &[
                need(&["bind"], RBAC, &["clusterroles", "roles"], Secret, Named::Role),
                need(WRITE, RBAC, &["rolebindings"], Secret, Any),
            ],
            &[
                need(&["bind"], RBAC, &["clusterroles"], Cluster, Named::Role),
                need(WRITE, RBAC, &["clusterrolebindings"], Cluster, Any),
            ],
        ],
    },
    Path {
        id: "P10",
        what: "escalate roles",
        why: "rules can be written into a role that one has, whatever one may do oneself",
        needs: &[
            &[need(&["escalate"], RBAC, &["roles"], Secret, Any), need(WRITE, RBAC, &["roles"], Secret, Any)],
            &[
                need(&["escalate"], RBAC, &["clusterroles"], Cluster, Any),
                need(WRITE, RBAC, &["clusterroles"], Cluster, Any),
            ],
        ],
    },
    Path {
        id: "P11",
        what: "make token Secrets",
        why: "a Secret of type kubernetes.io/service-account-token is filled with the token of any ServiceAccount of the namespace",
        needs: &[
            &[
                need(CREATE, "", &["secrets"], Secret, Never),
                need(&["get", "list", "patch", "watch"], "", &["secrets"], Secret, Any),
            ],
            &[need(CHANGE, "", &["secrets"], Secret, Never)],
        ],
    },
    Path {
        id: "P12",
        what: "approve certificates of clients",
        why: "a certificate can name any user and any group",
        needs: &[&[
            need(CREATE, "certificates.k8s.io", &["certificatesigningrequests"], Cluster, Never),
            need(CHANGE, "certificates.k8s.io", &["certificatesigningrequests/approval"], Cluster, Any),
            need(&["approve"], "certificates.k8s.io", &["signers"], Cluster, Named::Signer),
        ]],
    },
    Path {
        id: "P13",
        what: "write webhook configurations",
        why: "a webhook sees every object that is written, Secrets included",
        needs: &[&[need(
            WRITE,
            "admissionregistration.k8s.io",
            &["mutatingwebhookconfigurations", "validatingwebhookconfigurations"],
            Cluster,
            Any,
        )]],
    },
    Path {
        id: "P14",
        what: "create persistent volumes",
        why: "a volume of a host's path shows what the kubelet keeps there for every pod",
        needs: &[&[need(CREATE, "", &["persistentvolumes"], Cluster, Never)]],
    },
    Path {
        id: "P15",
        what: "write objects of External Secrets",
        why: "the operator fetches whatever its stores can read, into this namespace",
        needs: &[
            &[need(WRITE, ESO, &["externalsecrets", "secretstores"], Secret, Any)],
            &[need(WRITE, ESO, &["clusterexternalsecrets", "clustersecretstores"], Cluster, Any)],
            &[need(
                WRITE,
                "generators.external-secrets.io",
                &["acraccesstokens", "ecrauthorizationtokens", "gcraccesstokens", "vaultdynamicsecrets", "webhooks"],
                Secret,
                Any,
            )],
        ],
    },
    Path {
        id: "P16",
        what: "push Secrets out",
        why: "the operator copies a Secret of the namespace into a store outside",
        needs: &[
            &[need(WRITE, ESO, &["pushsecrets"], Secret, Any)],
            &[need(WRITE, ESO, &["clusterpushsecrets"], Cluster, Any)],
        ],
    },
    Path {
        id: "P17",
        what: "read the sealing keys",
        why: "the private keys of the sealed-secrets controller open every SealedSecret in git",
        needs: &[&[need(&["get", "list", "watch"], "", &["secrets"], SealingKeys, Never)]],
    },
    Path {
        id: "P18",
        what: "write SecretProviderClasses and create pods",
        why: "the driver mounts whatever it may read at the provider",
        needs: &[&[
            need(WRITE, "secrets-store.csi.x-k8s.io", &["secretproviderclasses"], Secret, Any),
            need(CREATE, "", &["pods"], Secret, Never),
        ]],
    },
    Path {
        id: "P19",
        what: "change the namespace's labels",
        why: "labels let a namespace into stores, ClusterExternalSecrets and weaker pod security",
        needs: &[&[need(CHANGE, "", &["namespaces"], Secret, Named::Namespace)]],
    },
];
