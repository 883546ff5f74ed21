//! 1Password Connect, Doppler and GitLab, which are asked with a token. Their servers are stubs, written from the documentation.

#![cfg(feature = "remote")]

#[path = "support/sealed.rs"]
mod sealed;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use sealed::{refuses, sealed};
use server::Server;

/// Answers one target for one header; everything else is not there.
fn stub(target: &'static str, header: &'static str, body: &'static str) -> Server {
    Server::start(move |stream, request, _| {
        let (status, body) = match request.split(' ').nth(1) {
            _ if !request.contains(header) => (401, "{\"error\": \"leaked-s3cret\"}"),
            Some(asked) if asked == target => (200, body),
            Some(asked) if asked.contains("denied") => (403, "{\"error\": \"leaked-s3cret\"}"),
            _ => (404, "{\"error\": \"leaked-s3cret\"}"),
        };
        server::answer(stream, status, "content-type: application/json\r\n", body);
    })
}

#[test]
fn a_secret_of_doppler_is_read() {
    let target = "/v3/configs/config/secret?project=shop&config=prd&name=PASSWORD";
    let body = r#"{"name": "PASSWORD", "value": {"raw": "${A}", "computed": "one-s3cret"}, "success": true}"#;
    let stub = stub(target, "Bearer dp.st.test", body);
    let url = stub.url("");
    let environment = [("DOPPLER_API_HOST", &*url), ("DOPPLER_TOKEN", "dp.st.test")];
    let references = [
        ("path", "ref+doppler://shop/prd/PASSWORD"),
        ("parameters", "ref+doppler:////PASSWORD?project=shop&config=prd"),
    ];
    let found = sealed(&references, &environment).unwrap();
    assert!(found.values().all(|value| value == "\"one-s3cret\"") && found.len() == 2, "{found:?}");
    let table = [
        ("ref+doppler://shop/prd/ABSENT", "it is not there, or not to be seen (status 404)"),
        ("ref+doppler://shop/denied/PASSWORD", "access is denied (status 403)"),
        ("ref+doppler://shop/prd/A%26B", "\"A&B\" is no name of Doppler"),
    ];
    for (reference, words) in table {
        refuses(reference, &environment, 1, words);
    }
    let wrong = [("DOPPLER_API_HOST", &*url), ("DOPPLER_TOKEN", "wrong")];
    refuses("ref+doppler://shop/prd/PASSWORD", &wrong, 1, "does not know who asks (status 401)");
    refuses("ref+doppler://shop/prd/PASSWORD", &[], 1, "DOPPLER_TOKEN is not set");
}

#[test]
fn a_variable_of_gitlab_is_read_from_the_operators_server() {
    let body = r#"{"key": "CONFIG", "variable_type": "env_var", "value": "{\"password\": \"two-s3cret\"}"}"#;
    let stub = stub("/api/v4/projects/12/variables/CONFIG", "private-token: glpat-test", body);
    let url = stub.url("");
    let environment = [("GITLAB_HOST", &*url), ("GITLAB_TOKEN", "glpat-test")];
    let at = |rest: &str| format!("ref+gitlab://127.0.0.1:{}/{rest}", stub.port());
    let (project, bare) = (at("projects/12/CONFIG#/password"), at("12/CONFIG#/password"));
    let found = sealed(&[("project", &project), ("bare", &bare)], &environment).unwrap();
    assert!(found.values().all(|value| value == "\"two-s3cret\"") && found.len() == 2, "{found:?}");
    let table = [
        (at("groups/12/CONFIG"), "it is not there, or not to be seen (status 404)"),
        (at("12/denied"), "access is denied (status 403)"),
        (at("12/CONFIG#/absent"), "the secret has no key \"absent\""),
        (at("12/A%3FB"), "\"A?B\" is no number or name that GitLab knows"),
        (
            "ref+gitlab://evil.test/12/CONFIG".into(),
            "the reference leads to \"evil.test\", and the token is for another",
        ),
    ];
    for (reference, words) in table {
        refuses(&reference, &environment, 1, words);
    }
    refuses(&bare, &[("GITLAB_HOST", &*url)], 1, "GITLAB_TOKEN is not set");
}

#[test]
fn a_field_of_an_item_is_read_from_a_connect_server() {
    let stub = Server::start(|stream, request, _| {
        assert!(request.contains("authorization: Bearer connect-token"), "{request}");
        let (status, body) = match request.split(' ').nth(1).unwrap() {
            "/v1/vaults?filter=name%20eq%20%22My%20Shop%22" => (200, r#"[{"id": "v1", "name": "My Shop"}]"#),
            "/v1/vaults/v1/items?filter=title%20eq%20%22db%22" => (200, r#"[{"id": "i1"}]"#),
            "/v1/vaults/v1/items?filter=title%20eq%20%22two%22" => (200, r#"[{"id": "i1"}, {"id": "i2"}]"#),
            "/v1/vaults/v1/items/i1" => (
                200,
                r#"{"id": "i1", "sections": [{"id": "s1", "label": "admin"}], "fields": [
                    {"id": "password", "label": "password", "value": "user-s3cret"},
                    {"id": "f2", "label": "password", "value": "admin-s3cret", "section": {"id": "s1"}},
                    {"id": "f3", "label": "url", "value": "url-s3cret"}, {"id": "f4", "label": "none"}]}"#,
            ),
            path if path.starts_with("/v1/vaults/") => (200, "[]"),
            _ => (403, r#"{"message": "leaked-s3cret"}"#),
        };
        server::answer(stream, status, "content-type: application/json\r\n", body);
    });
    let url = stub.url("");
    let environment = [("OP_CONNECT_HOST", &*url), ("OP_CONNECT_TOKEN", "connect-token")];
    let references = [
        ("field", "ref+op://My%20Shop/db/url"),
        ("section", "ref+op://My%20Shop/db/admin/password"),
        ("connect", "ref+onepasswordconnect://My%20Shop/db#/admin.password"),
    ];
    let found = sealed(&references, &environment).unwrap();
    let values: Vec<&str> = ["field", "section", "connect"].iter().map(|key| found[*key].as_str()).collect();
    assert_eq!(values, ["\"url-s3cret\"", "\"admin-s3cret\"", "\"admin-s3cret\""]);
    assert_eq!(stub.requests().len(), 3, "each is asked once");
    let table = [
        ("ref+op://My%20Shop/db/password", "it has several fields of this name"),
        ("ref+op://My%20Shop/db/absent", "it has no such field"),
        ("ref+op://My%20Shop/db/none", "the field has no value"),
        ("ref+op://My%20Shop/absent/url", "reading \"My Shop/absent\" of 1Password: nothing is called so"),
        ("ref+op://My%20Shop/two/url", "several are called so"),
        ("ref+op://Other/db/url", "access is denied (status 403)"),
    ];
    for (reference, words) in table {
        refuses(reference, &environment, 1, words);
    }
    refuses("ref+op://My%20Shop/db/url", &[], 1, "OP_CONNECT_HOST and OP_CONNECT_TOKEN are not both set");
}
