//! Values under a policy: as whom each grant reads, and what opens encrypted files. Whatever is lying around on the
//! machine, or stands in a file of the repository, is nobody's identity.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::json;

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/openbao.rs"]
mod openbao;
#[allow(dead_code, reason = "the golden cases need more of it")]
#[path = "support/case/opened.rs"]
mod opened;
#[path = "support/peers.rs"]
mod peers;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/repository.rs"]
mod repository;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/sops.rs"]
mod sops;

use openbao::OpenBao;
use repository::Repository;
use sops::{Sops, key};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn secret(reference: &str) -> Repository {
    let metadata = "{name: db, namespace: team, annotations: {sealref.dev/target: SealedSecret}}";
    let stream = format!("apiVersion: v1\nkind: Secret\nmetadata: {metadata}\nstringData: {{p: \"{reference}\"}}\n");
    Repository::new(stream).settings("cluster: eu")
}

/// A file that age has encrypted.
fn age(recipient: &str, clear: &str) -> Option<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clear");
    std::fs::write(&file, clear).unwrap();
    let output = Command::new(peers::peer("age")?).args(["-r", recipient]).arg(&file).output().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

/// The second grant opens files with keys of its own.
const IDENTITIES: (&str, &str) =
    ("      environment: [GRANTED]", "      environment: [GRANTED]\n      identities: [own.txt]");

fn own(repository: Repository, identity: &str) -> Repository {
    repository.policy(IDENTITIES.0, IDENTITIES.1).file("../../operator/own.txt", identity.as_bytes())
}

#[test]
fn an_age_file_opens_with_the_keys_of_the_grant_alone() {
    let (Some((mine, my_key)), Some((theirs, their_key))) = (key(&[]), key(&[])) else { return };
    let (Some(my_file), Some(their_file)) = (age(&mine, "mine-s3cret"), age(&theirs, "their-s3cret")) else { return };
    let out = own(secret("ref+file://a.age").file("a.age", &my_file), &my_key).rendered();
    assert!(opened::opened(&out).contains("opens for \"team/db\": \"mine-s3cret\""), "{out}");
    // Another tenant's file, copied in; its key lies on the machine, and is named by whatever names keys.
    let copied =
        own(secret("ref+file://a.age").file("a.age", &their_file), &my_key).file("their.txt", their_key.as_bytes());
    let lying = format!(
        "export SEALREF_IDENTITY=$PWD/their.txt SOPS_AGE_KEY='{}' HOME=$PWD",
        their_key.lines().last().unwrap()
    );
    let (code, stdout, stderr) = copied.before(&lying).run();
    assert!(code != 0 && stdout.is_empty() && !stderr.contains("s3cret"), "{stderr}");
    let none = secret("ref+file://a.age").file("a.age", &my_file).file("mine.txt", my_key.as_bytes());
    let (code, stdout, _) = none.before("export SEALREF_IDENTITY=$PWD/mine.txt").run();
    assert!(code != 0 && stdout.is_empty());
}

#[test]
fn a_sops_file_opens_with_the_keys_of_the_grant_alone() {
    let (Some(mine), Some(theirs)) = (Sops::new(), Sops::new()) else { return };
    let file = |sops: &Sops| sops.encrypt("a.yaml", "p: s3cret-of-a-file\n", &[]);
    let out = own(secret("ref+sops://a.yaml#/p").file("a.yaml", file(&mine).as_bytes()), &mine.identity).rendered();
    assert!(opened::opened(&out).contains("s3cret-of-a-file"), "{out}");
    let copied = own(secret("ref+sops://a.yaml#/p").file("a.yaml", file(&theirs).as_bytes()), &mine.identity);
    let keys = ".config/sops/age/keys.txt";
    let copied = copied.file("their.txt", theirs.identity.as_bytes());
    let lying = format!(
        "mkdir -p .config/sops/age; cp their.txt {keys}; export HOME=$PWD SOPS_AGE_KEY_FILE=$PWD/their.txt SOPS_AGE_KEY='{}'",
        theirs.identity.lines().last().unwrap()
    );
    let (code, stdout, stderr) = copied.before(&lying).run();
    assert!(code != 0 && stdout.is_empty() && !stderr.contains("s3cret"), "{stderr}");
}

/// A file whose data key is under a key of a server, as its own metadata says.
fn under(master: &str) -> String {
    let value = "ENC[AES256_GCM,data:0zsc,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]";
    format!(
        "p: {value}\nsops:\n  {master}\n  lastmodified: \"2026-01-01T00:00:00Z\"\n  mac: {value}\n  version: 3.13.0\n"
    )
}

#[test]
fn addresses_and_roles_in_a_sops_file_are_granted_before_anybody_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let enc = "created_at: \"2026-01-01T00:00:00Z\", enc: \"vault:v1:AAAA\"";
    let rows = [
        (format!("hc_vault: [{{vault_address: \"{address}\", engine_path: transit, key_name: team, {enc}}}]"), format!("the key \"{address}/transit/keys/team\"")),
        (
            "kms: [{arn: \"arn:aws:kms:eu-west-1:1:key/of-another\", created_at: \"2026-01-01T00:00:00Z\", enc: AAAA, aws_profile: \"\"}]".to_owned(),
            "the key \"arn:aws:kms:eu-west-1:1:key/of-another\"".to_owned(),
        ),
        (
            "kms: [{arn: \"arn:aws:kms:eu-west-1:1:key/granted\", role: \"arn:aws:iam::1:role/admin\", created_at: \"2026-01-01T00:00:00Z\", enc: AAAA, aws_profile: \"\"}]".to_owned(),
            "the key \"arn:aws:iam::1:role/admin\"".to_owned(),
        ),
        (
            "azure_kv: [{vault_url: \"https://of-another.vault.azure.net\", name: k, version: v, created_at: \"2026-01-01T00:00:00Z\", enc: AAAA}]".to_owned(),
            "the key \"https://of-another.vault.azure.net/keys/k/v\"".to_owned(),
        ),
        (
            "gcp_kms: [{resource_id: projects/p/locations/l/keyRings/r/cryptoKeys/k, created_at: \"2026-01-01T00:00:00Z\", enc: AAAA}]".to_owned(),
            "the key \"projects/p/locations/l/keyRings/r/cryptoKeys/k\"".to_owned(),
        ),
        (
            "kms: [{arn: \"arn:aws:kms:eu-west-1:1:key/granted\", created_at: \"2026-01-01T00:00:00Z\", enc: AAAA, aws_profile: admin}]".to_owned(),
            "the profile \"admin\"".to_owned(),
        ),
    ];
    for (master, name) in rows {
        // The operator's own server is no grant for every key that it holds.
        let repository = secret("ref+sops://a.yaml#/p")
            .file("a.yaml", under(&master).as_bytes())
            .policy(
                "      environment: [GRANTED]",
                "      environment: [GRANTED]\n      keys: [\"arn:aws:kms:eu-west-1:1:key/granted\"]",
            )
            .policy(
                "  sealing: ",
                &format!("  sources: {{vault: {{address: \"{address}\"}}, awssecrets: {{}}}}\n  sealing: "),
            );
        let operators = format!("export VAULT_ADDR={address}");
        repository.before(&operators).refused(&format!("the file asks for {name}"));
    }
    assert!(listener.accept().is_err(), "somebody was asked");
}

/// A server on which each project has a role of its own, which reads its own path alone.
fn server() -> Option<OpenBao> {
    let server = OpenBao::start()?;
    server.api("POST", "sys/auth/approle", &json!({"type": "approle"}));
    for project in ["team", "team-a"] {
        let policy = format!("path \"secret/data/{project}/*\" {{ capabilities = [\"read\"] }}");
        server.api("POST", &format!("sys/policies/acl/{project}"), &json!({"policy": policy}));
        let here = json!({"token_policies": project, "bind_secret_id": false, "token_bound_cidrs": "127.0.0.0/8", "secret_id_bound_cidrs": "127.0.0.0/8"});
        server.api("POST", &format!("auth/approle/role/{project}"), &here);
        server.api(
            "POST",
            &format!("auth/approle/role/{project}/role-id"),
            &json!({"role_id": format!("of-{project}")}),
        );
        server.put(&format!("{project}/db"), &json!({"p": format!("s3cret-of-{project}")}));
    }
    Some(server)
}

fn reading(server: &OpenBao, path: &str) -> Repository {
    secret(&format!("ref+vault://secret/{path}/db#/p"))
        .policy(
            "      targets: [SealedSecret]",
            "      targets: [SealedSecret]\n      as: {vault: {roleId: \"of-{project}\"}}",
        )
        .policy(
            "        - {scheme: file, path: \"**\"}",
            "        - {scheme: vault, path: \"secret/**\"}\n        - {scheme: file, path: \"**\"}",
        )
        .policy(
            "  sealing: ",
            &format!(
                "  sources: {{vault: {{address: \"{}\", auth: {{approle: {{mount: approle}}}}}}}}\n  sealing: ",
                server.address()
            ),
        )
}

#[test]
fn each_project_reads_with_its_own_identity() {
    let Some(server) = server() else { return };
    let out = reading(&server, "team").rendered();
    assert!(opened::opened(&out).contains("opens for \"team/db\": \"s3cret-of-team\""), "{out}");
    // A grant that is too wide shows nothing: the server knows who asks.
    let (code, stdout, stderr) = reading(&server, "team-a").run();
    assert!(code != 0 && stdout.is_empty() && !stderr.contains("s3cret"), "{stderr}");
    // A token that lies around is nobody's.
    let lying = format!(
        "export VAULT_TOKEN={0} BAO_TOKEN={0} VAULT_ADDR=http://127.0.0.1:1; echo {0} > .vault-token; export HOME=$PWD",
        openbao::ROOT
    );
    let (code, stdout, stderr) = reading(&server, "team-a").before(&lying).run();
    assert!(code != 0 && stdout.is_empty() && !stderr.contains("s3cret"), "{stderr}");
    assert_eq!(reading(&server, "team").before(&lying).rendered(), out);
}

#[test]
fn seals_of_two_projects_differ() {
    let mine = secret("ref+file://v").file("v", b"the-same-s3cret").rendered();
    let named = secret("ref+file://v").file("v", b"the-same-s3cret");
    let named =
        named.policy("      environment: [GRANTED]", "      environment: [GRANTED]\n      domain: other").rendered();
    assert_ne!(mine, named, "the domain of a grant sets its seals apart");
}

#[test]
fn files_that_a_policy_names_are_not_looked_for_in_a_repository() {
    let named = |auth: &str| {
        let sources = format!("  sources: {{vault: {{address: \"http://127.0.0.1:1\", {auth}}}}}\n  sealing: ");
        secret("ref+vault://secret/team/db#/p")
            .policy("        - {scheme: file, path: \"**\"}", "        - {scheme: vault, path: \"secret/**\"}")
            .policy("  sealing: ", &sources)
            .file("token", b"of a tenant")
    };
    named("auth: {token: {file: token}}").refused("spec.sources.vault.auth.token.file is no absolute path");
    named("caCert: ca.pem").refused("spec.sources.vault.caCert is no absolute path");
    named("auth: {token: {file: /token}, jwt: {mount: jwt}}").refused("names two ways to log in");
    named("token: x").refused("vault has no field \"token\" in a policy");
}
