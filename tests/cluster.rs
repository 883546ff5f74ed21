//! Secrets and ConfigMaps of a real API server, with etcd behind it.

#![cfg(feature = "cluster")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[path = "support/kube.rs"]
mod kube;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/sealed.rs"]
mod sealed;

use kube::Kube;
use sealed::{refuses, sealed, sealed_with};

/// The API server with what these tests read.
struct Cluster(Kube);

impl Cluster {
    /// None where a program is missing.
    fn start() -> Option<Self> {
        let cluster = Self(Kube::start()?);
        cluster.fill();
        Some(cluster)
    }

    fn fill(&self) {
        use serde_json::json;
        let meta = |name: &str| json!({"name": name});
        let encoded = |bytes: &[u8]| STANDARD.encode(bytes);
        self.0.make("/api/v1/namespaces", &json!({"metadata": meta("shop")}));
        let data = json!({
            "password": encoded(b"plain-s3cret"),
            "tls.key": encoded(b"dotted-s3cret"),
            "binary": encoded(&[0, 255, 1]),
            "config": encoded(br#"{"a": {"b": "json-s3cret"}}"#),
            "empty": "",
        });
        self.0.make("/api/v1/namespaces/shop/secrets", &json!({"metadata": meta("db"), "data": data}));
        self.0.make("/api/v1/namespaces/shop/secrets", &json!({"metadata": meta("other"), "data": {"key": "eA=="}}));
        self.0.make(
            "/api/v1/namespaces/shop/configmaps",
            &json!({"metadata": meta("public"), "data": {"host": "db.example"}, "binaryData": {"raw": encoded(&[0, 254])}}),
        );
        let group = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop";
        let rule = json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["db"]});
        self.0.make(&format!("{group}/roles"), &json!({"metadata": meta("db-reader"), "rules": [rule]}));
        let api = "rbac.authorization.k8s.io";
        self.0.make(
            &format!("{group}/rolebindings"),
            &json!({
                "metadata": meta("db-reader"),
                "roleRef": {"apiGroup": api, "kind": "Role", "name": "db-reader"},
                "subjects": [{"apiGroup": api, "kind": "User", "name": "reader"}],
            }),
        );
    }

    /// A kubeconfig in the folder, whose user has these fields.
    fn kubeconfig(&self, name: &str, cluster: &str, user: &str) -> String {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: here\ncontexts:\n- name: there\n  context: {{cluster: no, user: no}}\n\
             - name: here\n  context: {{cluster: test, user: me, namespace: ignored}}\nclusters:\n- name: test\n  cluster:\n    \
             server: {}\n{cluster}users:\n- name: me\n  user: {user}\n",
            self.0.server()
        );
        let path = self.0.at(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn trusted(&self) -> String {
        format!("    certificate-authority: {}\n", self.0.authority())
    }
}

/// One server for all: it takes seconds to start.
#[test]
fn objects_of_a_cluster_are_read_one_by_one() {
    let Some(cluster) = Cluster::start() else { return };
    let reader = cluster.kubeconfig("reader", &cluster.trusted(), "{token: reader-token}");
    let admin = cluster.kubeconfig("admin", &cluster.trusted(), "{token: admin-token}");
    values(&admin);
    whole_objects(&admin);
    refusals(&reader, &admin);
    ways_to_log_in(&cluster);
    what_a_kubeconfig_may_not_say(&cluster);
}

fn values(admin: &str) {
    let table = [
        ("password", "ref+k8s://v1/Secret/shop/db#/password", "\"plain-s3cret\""),
        ("segment", "ref+k8s://v1/Secret/shop/db/password", "\"plain-s3cret\""),
        ("dotted", "ref+k8s://v1/Secret/shop/db#/tls.key", "\"dotted-s3cret\""),
        ("binary", "ref+k8s://v1/Secret/shop/db#/binary", "[00, ff, 01]"),
        ("inside", "ref+k8s://v1/Secret/shop/db#/config/a/b", "\"json-s3cret\""),
        ("host", "ref+k8s://v1/ConfigMap/shop/public#/host", "\"db.example\""),
        ("raw", "ref+k8s://v1/ConfigMap/shop/public#/raw", "[00, fe]"),
    ];
    let references: Vec<_> = table.iter().map(|(key, reference, _)| (*key, *reference)).collect();
    let found = sealed(&references, &[("KUBECONFIG", admin)]).unwrap();
    let expected: BTreeMap<_, _> =
        table.iter().map(|(key, _, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected);
}

/// Every key of an object; what stands behind a key is looked up inside.
fn whole_objects(admin: &str) {
    let of = |whole: &str| sealed_with(&[whole], &[], &[("KUBECONFIG", admin)]);
    let found = of("ref+k8s://v1/ConfigMap/shop/public").unwrap();
    let pairs = [("host", "\"db.example\""), ("raw", "[00, fe]")];
    assert_eq!(found, pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    let found = of("ref+k8s://v1/Secret/shop/db").unwrap();
    let keys: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(keys, ["binary", "config", "empty", "password", "tls.key"]);
    assert_eq!((found["password"].as_str(), found["empty"].as_str()), ("\"plain-s3cret\"", "\"\""));
    assert_eq!(of("ref+k8s://v1/Secret/shop/db#/config/a").unwrap()["b"], "\"json-s3cret\"");
    let (exit, told) = of("ref+k8s://v1/Secret/shop/db#/password").unwrap_err();
    assert!(exit == 1 && told.contains("the key is no map of keys"), "{told}");
}

/// Who may get one Secret by name reads it, and nothing else.
fn refusals(reader: &str, admin: &str) {
    let found = sealed(&[("key", "ref+k8s://v1/Secret/shop/db#/password")], &[("KUBECONFIG", reader)]).unwrap();
    assert_eq!(found["key"], "\"plain-s3cret\"");
    let table = [
        (
            reader,
            "ref+k8s://v1/Secret/shop/other#/key",
            "reading the Secret \"shop/other\": access is denied (status 403)",
        ),
        (admin, "ref+k8s://v1/Secret/shop/absent#/key", "it is not there (status 404)"),
        (admin, "ref+k8s://v1/Secret/absent/db#/key", "it is not there (status 404)"),
        (admin, "ref+k8s://v1/Secret/shop/db#/absent", "it has no key \"absent\""),
        (admin, "ref+k8s://v1/Secret/shop/db#/empty", "the value is empty"),
        (admin, "ref+k8s://v1/Secret/shop/db#/config/absent", "no key \"absent\""),
        (admin, "ref+k8s://v1/Secret/shop/db", "a value is one key"),
        (admin, "ref+k8s://v1/Secret/shop/%3Fwatch#/key", "is no name that an object can have"),
    ];
    for (config, reference, words) in table {
        refuses(reference, &[("KUBECONFIG", config)], 1, words);
    }
}

fn ways_to_log_in(cluster: &Cluster) {
    let trusted = cluster.trusted();
    let encoded = |path: &str| STANDARD.encode(fs::read(path).unwrap());
    let data = format!("    certificate-authority-data: {}\n", encoded(&cluster.0.authority()));
    fs::write(cluster.0.at("token"), "admin-token\n").unwrap();
    let inline = format!(
        "{{client-certificate-data: {}, client-key-data: {}}}",
        encoded(&cluster.0.at("client.crt")),
        encoded(&cluster.0.at("client.key"))
    );
    let ways = [
        ("token", &data, "{token: admin-token}"),
        ("token-file", &trusted, "{tokenFile: token}"),
        ("certificate", &trusted, "{client-certificate: client.crt, client-key: client.key}"),
        ("certificate-data", &trusted, &inline),
    ];
    let reference = [("key", "ref+k8s://v1/Secret/shop/db#/password")];
    for (name, authority, user) in ways {
        let config = cluster.kubeconfig(&format!("by-{name}"), authority, user);
        let found = sealed(&reference, &[("KUBECONFIG", &config)]);
        assert_eq!(found.map(|found| found["key"].clone()), Ok("\"plain-s3cret\"".to_owned()), "{name}");
    }
    let home = Path::new(&cluster.0.at("home")).join(".kube");
    fs::create_dir_all(&home).unwrap();
    fs::copy(cluster.kubeconfig("of-home", &data, "{token: admin-token}"), home.join("config")).unwrap();
    assert!(sealed(&reference, &[("HOME", &cluster.0.at("home"))]).is_ok());
}

fn what_a_kubeconfig_may_not_say(cluster: &Cluster) {
    let trusted = cluster.trusted();
    let skip = "    insecure-skip-tls-verify: true\n".to_owned();
    let none = String::new();
    let table = [
        (&trusted, "{exec: {command: aws}}", 1, "gets its credentials from a program (exec), and sealref starts none"),
        (&trusted, "{auth-provider: {name: gcp}}", 1, "which Kubernetes has removed"),
        (&trusted, "{token: admin-token, as: admin}", 1, "impersonates somebody"),
        (&skip, "{token: admin-token}", 1, "switches off verification"),
        (&trusted, "{token: wrong-token}", 1, "the cluster does not know who asks (status 401)"),
        (&trusted, "{token: nobody-token}", 1, "access is denied (status 403)"),
        (&none, "{token: admin-token}", 1, "certificate was issued by somebody who is not trusted"),
    ];
    for (authority, user, exit, words) in table {
        let config = cluster.kubeconfig("refused", authority, user);
        refuses("ref+k8s://v1/Secret/shop/db#/password", &[("KUBECONFIG", &config)], exit, words);
    }
    refuses("ref+k8s://v1/Secret/shop/db#/password", &[], 1, "no cluster is known");
    refuses("ref+k8s://v1/Secret/shop/db#/password", &[("KUBECONFIG", "a:b")], 1, "KUBECONFIG names several files");
}
