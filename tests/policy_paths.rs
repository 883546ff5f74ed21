//! T1: a reference to what is another team's. Each path is rendered under a policy, and what matters is the exit code:
//! 0 granted, 3 refused by the policy, 1 no reference at all.

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;

use program::Program;

const POLICY: &str = r#"
apiVersion: sealref.dev/v1alpha1
kind: SealrefPolicy
spec:
  tenants:
    - {project: team, namespaces: [team]}
    - {project: team-a, namespaces: [team-a]}
  stores:
    - match: {scheme: vault, path: kv/of-namespace}
      use: {kind: SecretStore, name: of-namespace}
      provider: {vault: {server: "https://vault.example:8200", path: kv, version: v2, namespace: teams/team}}
    - match: {scheme: vault}
      use: {kind: SecretStore, name: vault}
      provider: {vault: {server: "https://vault.example:8200", path: kv, version: v2}}
    - {match: {scheme: openbao}, use: {kind: SecretStore, name: bao}}
    - {match: {scheme: awssecrets}, use: {kind: SecretStore, name: aws}}
    - {match: {scheme: awsssm}, use: {kind: SecretStore, name: aws}}
    - {match: {scheme: gcpsecrets}, use: {kind: SecretStore, name: gcp}}
    - {match: {scheme: azurekeyvault}, use: {kind: SecretStore, name: azure}}
    - {match: {scheme: k8s}, use: {kind: SecretStore, name: k8s}}
  grants:
    - projects: ["*"]
      read:
        - {scheme: vault, path: "kv/{project}/**"}
        - {scheme: vault, path: "kv/shared/*/public"}
        - {scheme: vault, path: "kv/of-namespace", parameters: {namespace: "teams/{project}"}}
        - {scheme: awssecrets, path: "{project}/**", parameters: {region: "eu-*"}}
        - {scheme: awssecrets, path: "arn/{project}", parameters: {partition: aws, region: eu-west-1, account: "111111111111"}}
        - {scheme: awsssm, path: "/{project}/**"}
        - {scheme: gcpsecrets, path: "{project}/*"}
        - {scheme: azurekeyvault, path: "{project}/*"}
        - {scheme: k8s, path: "v1/Secret/{project}/*"}
      stores:
        - {kind: SecretStore, name: vault}
        - {kind: SecretStore, name: of-namespace}
        - {kind: SecretStore, name: bao}
        - {kind: SecretStore, name: aws}
        - {kind: SecretStore, name: gcp}
        - {kind: SecretStore, name: azure}
        - {kind: SecretStore, name: k8s}
      targets: [ExternalSecret]
"#;

/// Granted, refused by the policy, no reference.
const YES: i32 = 0;
const NO: i32 = 3;
const NONE: i32 = 1;

const PATHS: &[(&str, i32)] = &[
    // What is granted
    ("vault://kv/team/db#/password", YES),
    ("vault://kv/team/a/b/c#/password", YES),
    ("vault://kv/team#/password", YES),
    ("vault://kv/shared/x/public#/p", YES),
    ("vault://kv/team/db?version=3#/p", YES),
    ("secretref+vault://kv/team/db#/p", YES),
    // A project is a whole segment, of these letters
    ("vault://kv/team-a/db#/password", NO),
    ("vault://kv/team-/db#/p", NO),
    ("vault://kv/teams/db#/p", NO),
    ("vault://kv/tea/db#/p", NO),
    ("vault://kv/ateam/db#/p", NO),
    ("vault://kv/TEAM/db#/p", NO),
    ("vault://kv/Team/db#/p", NO),
    ("vault://kv/team%20/db#/p", NO),
    ("vault://kv/t%65am/db#/p", YES),
    ("vault://kv/team%2Fdb#/p", NONE),
    ("vault://kv/team%2F..%2Fteam-a/db#/p", NONE),
    ("vault://kv/tеam/db#/p", NO), // Cyrillic е
    ("vault://kv/ｔｅａｍ/db#/p", NO),
    ("vault://kv/te\u{ad}am/db#/p", NO),
    ("vault://kv/te\u{200b}am/db#/p", NONE),
    ("vault://kv/{project}/db#/p", NONE),
    ("vault://kv/*/db#/p", NO),
    ("vault://kv/**#/p", NO),
    // Another mount, another place
    ("vault://secret/team/db#/p", NO),
    ("vault://other/kv/team/db#/p", NO),
    ("vault://kv/other/team/db#/p", NO),
    ("vault://kv/db#/p", NO),
    ("vault://kv/data/team/db#/p", NONE),
    ("vault://kv/shared/public#/p", NO),
    ("vault://kv/shared/x/private#/p", NO),
    ("vault://kv/shared/x/y/public#/p", NO),
    // Ways to climb
    ("vault://kv/team/../team-a/db#/p", NONE),
    ("vault://kv/team/./db#/p", NONE),
    ("vault://kv/team/%2e%2e/team-a/db#/p", NONE),
    ("vault://kv/team/%2E%2E/team-a/db#/p", NONE),
    ("vault://kv/team/.%2e/team-a/db#/p", NONE),
    ("vault://kv/team/%252e%252e/team-a/db#/p", NO),
    ("vault://kv/team/..%2fteam-a/db#/p", NONE),
    ("vault://kv/team//db#/p", NONE),
    ("vault:///kv/team/db#/p", NONE),
    ("vault://kv//team/db#/p", NONE),
    ("vault://kv/team/db/#/p", NONE),
    ("vault://kv/team\\..\\team-a/db#/p", NONE),
    ("vault://kv/team/%00#/p", NONE),
    ("vault://../kv/team/db#/p", NONE),
    // What leads elsewhere under the same path
    ("vault://kv/team/db?address=https://evil.example#/p", NO),
    ("vault://kv/team/db?namespace=other#/p", NO),
    ("vault://kv/of-namespace?namespace=teams/team#/p", YES),
    ("vault://kv/of-namespace?namespace=teams/team-a#/p", NO),
    ("openbao://kv/team/db#/p", NO),
    ("awssecrets://team/db#/p", YES),
    ("awssecrets://team-a/db#/p", NO),
    ("awssecrets://team/db?region=eu-west-1#/p", YES),
    ("awssecrets://team/db?region=us-east-1#/p", NO),
    ("awssecrets://arn:aws:secretsmanager:eu-west-1:111111111111:secret:arn/team#/p", YES),
    ("awssecrets://arn:aws:secretsmanager:eu-west-1:222222222222:secret:arn/team#/p", NO),
    ("awssecrets://arn:aws:secretsmanager:us-east-1:111111111111:secret:arn/team#/p", NO),
    ("awssecrets://arn:aws-cn:secretsmanager:eu-west-1:111111111111:secret:arn/team#/p", NO),
    ("awssecrets://arn:aws:secretsmanager:eu-west-1:111111111111:secret:arn/team-a#/p", NO),
    ("awssecrets://arn:aws:secretsmanager:eu-west-1:111111111111:secret:team/db#/p", NO),
    ("awsssm://team/db", YES),
    ("awsssm:///team/db", YES),
    ("awsssm://team-a/db", NO),
    ("gcpsecrets://team/db", YES),
    ("gcpsecrets://other/db", NO),
    ("gcpsecrets://team/db?location=europe-west1", NO),
    ("azurekeyvault://team/db", YES),
    ("azurekeyvault://team.evil.example/db", NO),
    ("azurekeyvault://team-a/db", NO),
    ("k8s://v1/Secret/team/db#/p", YES),
    ("k8s://v1/Secret/kube-system/db#/p", NO),
    // Schemes that nobody granted
    ("sops://secrets.yaml#/p", NO),
    ("file://secrets.txt", NO),
    ("env://HOME", NO),
    ("generate://password", NO),
    ("echo://x", NONE),
];

/// A Secret with one reference, rendered for the project `team`; what is told is handed back too.
fn render(reference: &str) -> (i32, String) {
    let program = Program::new();
    std::fs::write(program.folder().join("policy.yaml"), POLICY).unwrap();
    let reference = if reference.contains("ref+") { reference.to_owned() } else { format!("ref+{reference}") };
    let secret = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "team"},
        "stringData": {"p": reference},
    });
    let line = "export ARGOCD_APP_PROJECT_NAME=team; sealref render --policy policy.yaml -";
    let output = program.shell(line, secret.to_string().as_bytes());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code() == Some(0), !output.stdout.is_empty(), "{reference}: {told}");
    (output.status.code().unwrap(), told)
}

#[test]
fn t1_each_path_is_granted_refused_or_none() {
    assert!(PATHS.len() >= 60, "only {} paths", PATHS.len());
    let wrong = PATHS.iter().filter_map(|(reference, expected)| {
        let (code, told) = render(reference);
        (code != *expected).then(|| format!("{reference}: {code} instead of {expected}\n{told}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
