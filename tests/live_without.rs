//! `--live` where there is no cluster, where one answers strangely, and in a build that asks none.

#![allow(dead_code, unused_imports, reason = "each test needs a part of it, and each build some tests")]

#[path = "support/live.rs"]
mod live;
#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/program.rs"]
mod program;
#[path = "support/server.rs"]
mod server;

use live::{MAKES_DB, account, binding, check, kubeconfig, of, person, role, rule, run, stream};
use program::Program;
use serde_json::{Value, json};
use server::{Server, answer};

/// The same findings as without the option, and why there are no more.
fn stands_offline(config: &str, why: &str) {
    let web = binding("shop", "web", ("ClusterRole", "edit"), account("web"));
    let text = stream(&[web]);
    let output = run(config, "check - --live", &text);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains(why) && told.contains("[live/not-asked]"), "{told}");
    let mut found = check(config, "--live", &text);
    found.retain(|(rule, _)| rule != "live/not-asked");
    assert_eq!(found, check(config, "", &text));
    for command in ["rbac who-can get secrets/db -n shop -", "rbac suggest -"] {
        let (with, without) = (run(config, &format!("{command} --live"), &text), run(config, command, &text));
        assert_eq!(with.stdout, without.stdout, "{command}");
        assert!(with.status.success() && String::from_utf8(with.stderr).unwrap().contains(why), "{command}");
    }
}

#[cfg(feature = "cluster")]
#[test]
fn without_a_cluster_the_rest_stands() {
    stands_offline("not: a kubeconfig\n", "the kubeconfig lacks current-context");
    let nobody = format!("http://127.0.0.1:{}", peer_server::free_port());
    stands_offline(&kubeconfig(&nobody, "t", ""), "nobody answers at the server's address");
    let refusing = Server::start(|stream, _, _| answer(stream, 401, "", "s3cret"));
    stands_offline(&kubeconfig(&refusing.url(""), "t", ""), "the cluster does not know who asks (status 401)");
    let strange = Server::start(|stream, _, _| answer(stream, 200, "", "<html>s3cret</html>"));
    stands_offline(&kubeconfig(&strange.url(""), "t", ""), "the answer is not one of the API server");
    for no_list in [r#"{"metadata": {}}"#, r#"{"items": []}"#] {
        let torn = Server::start(|stream, request, _| {
            if request.starts_with("GET ") { answer(stream, 200, "", no_list) } else { answer(stream, 404, "", "{}") }
        });
        stands_offline(&kubeconfig(&torn.url(""), "t", ""), "the answer is not one of the API server");
    }
    let output = Program::new().shell("sealref check - --live", MAKES_DB.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no cluster is known"));
}

/// A stub: what an authorizer beside RBAC would say, and a list that is torn in two.
#[cfg(feature = "cluster")]
#[test]
fn a_cluster_that_decides_otherwise_than_its_roles_is_told() {
    let api = Server::start(|stream, request, _| {
        let path = request.split(' ').nth(1).unwrap();
        let page = |items: Value, next: &str| json!({"metadata": {"continue": next}, "items": items}).to_string();
        let reads = role("", "reads", json!([rule(&["get"], "", &["secrets"])]));
        let bound = binding("", "joe", ("ClusterRole", "reads"), person("User", "joe"));
        match path {
            _ if path.contains("/clusterroles?") && path.ends_with("continue=") => {
                answer(stream, 200, "", &page(json!([]), "a/b+c=="));
            }
            _ if path.contains("/clusterroles?") => {
                assert!(path.ends_with("continue=a%2Fb%2Bc%3D%3D"), "{path}");
                answer(stream, 200, "", &page(json!([reads]), ""));
            }
            _ if path.contains("/clusterrolebindings?") => answer(stream, 200, "", &page(json!([bound]), "")),
            _ if path.contains("?limit=") => answer(stream, 200, "", &page(Value::Null, "")),
            _ if path.ends_with("/selfsubjectreviews") => answer(stream, 404, "", "{}"),
            _ => answer(stream, 201, "", "{\"status\": {\"allowed\": false}}"),
        }
    });
    let found = check(&kubeconfig(&api.url(""), "t", ""), "--live", MAKES_DB);
    let expected = ["the cluster does not let User joe get Secret shop/db, and its roles do"];
    assert_eq!(of("live/other-authorizer", &found), expected, "{found:?}");
    let asked = api.requests();
    assert!(asked.iter().all(|request| !request.split(' ').nth(1).unwrap().contains("/secrets")), "{asked:?}");
}

#[cfg(not(feature = "cluster"))]
#[test]
fn a_build_without_the_feature_refuses_the_option() {
    for command in ["check -", "rbac who-can get secrets -", "rbac suggest -"] {
        let output = Program::new().shell(&format!("sealref {command} --live"), MAKES_DB.as_bytes());
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command}");
        assert!(String::from_utf8(output.stderr).unwrap().contains("--live is given"), "{command}");
    }
}
