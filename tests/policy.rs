//! What a hostile repository tries under a policy, and what an honest one may do: each row is a repository, what comes
//! of it, and the words that say why.

#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/repository.rs"]
mod repository;

use repository::{POLICY, Repository};
use sealref::yaml::{Syntax, Tree};

fn secret(reference: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: team}}\nstringData: {{p: \"{reference}\"}}\n"
    )
}

fn vault() -> Repository {
    Repository::new(secret("ref+vault://kv/team/db#/p"))
}

fn object(version: &str, kind: &str, rest: &str) -> Repository {
    Repository::new(format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: team}}\n{rest}\n"))
}

#[test]
fn what_is_granted_is_rendered() {
    let out = vault().rendered();
    assert!(out.contains("kind: ExternalSecret") && out.contains("key: team/db"), "{out}");
}

#[test]
fn a_set_policy_holds_in_every_command_that_renders() {
    for arguments in ["render", "post-render", "krm"] {
        let stream = match arguments {
            "krm" => format!(
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}\n",
                secret("ref+vault://kv/team-a/db#/p").trim().replace('\n', "\n  ")
            ),
            _ => secret("ref+vault://kv/team-a/db#/p"),
        };
        let why = "may not read vault://kv/team-a/db";
        Repository { arguments, ..Repository::new(stream) }.refused(why);
    }
}

/// The table of design 8: field, what a repository writes, None where it may, else the words of the refusal.
const FIELDS: &[(&str, Option<&str>)] = &[
    // set
    ("refreshInterval: 5m", None),
    ("refreshInterval: 4m59s", Some("spec.refreshInterval is shorter")),
    ("configMaps: Promote", None),
    ("helmReleases: Lift", None),
    ("reload: {controller: Reloader}", None),
    ("consumers: [{group: example.com, kind: Widget, path: spec/secretName}]", None),
    ("provided: [{name: '*-tls', by: cert-manager}]", None),
    ("environments: {a: {variables: {env: prod}}}", None),
    ("esoVersion: \"2.9\"", None),
    ("sealing: {epoch: \"2\"}", None),
    ("suffix: None", None),
    // choose within the grant
    ("targets: {vault: ExternalSecret}", None),
    ("targets: {vault: SealedSecret}", Some("may not")),
    ("targets: {vault: VaultStaticSecret}", Some("spec.targets.vault chooses")),
    ("stores: [{match: {scheme: vault}, use: {kind: SecretStore, name: vault}}]", None),
    (
        "stores: [{match: {scheme: vault}, use: {kind: ClusterSecretStore, name: everything}}]",
        Some("spec.stores[0].use"),
    ),
    ("sealing: {scope: Strict}", None),
    ("sealing: {scope: NamespaceWide}", Some("spec.sealing.scope chooses")),
    ("sealing: {scope: ClusterWide}", Some("spec.sealing.scope chooses")),
    ("environment: a\n  environments: {a: {}}", None),
    ("cluster: eu", None),
    ("cluster: us", Some("spec.cluster chooses")),
    ("cluster: asia", Some("spec.cluster chooses")),
    ("environments: {a: {cluster: us}}", Some("spec.environments.a.cluster chooses")),
    ("plaintext: Seal", Some("spec.plaintext chooses")),
    ("secrets: [{match: {name: db}, plaintext: Seal}]", Some("spec.secrets[0].plaintext chooses")),
    ("secrets: [{match: {name: db}, publicKeys: [username]}]", None),
    ("secrets: [{match: {name: db}, publicKeys: [password]}]", Some("spec.secrets[0].publicKeys chooses")),
    ("secrets: [{match: {name: db}, target: Nothing}]", Some("spec.secrets[0].target chooses")),
    // tighten only
    ("plaintext: Deny", None),
    ("secrets: [{match: {name: db}, plaintext: Deny}]", None),
    // never
    ("plaintext: Pass", Some("spec.plaintext: Pass is set")),
    (
        "secrets: [{match: {name: db}, plaintext: Pass, reason: why not}]",
        Some("spec.secrets[0].plaintext: Pass is set"),
    ),
    ("sealing: {certificate: own.pem}", Some("spec.sealing.certificate is set")),
    ("sealing: {key: FromSops}", Some("spec.sealing.key is set")),
    ("sealing: {key: {file: own.key}}", Some("spec.sealing.key is set")),
    ("sealing: {key: {env: OWN}}", Some("spec.sealing.key is set")),
    ("sealing: {previousKey: {env: OWN}}", Some("spec.sealing.previousKey is set")),
    ("sealing: {randomised: true}", Some("spec.sealing.randomised is set")),
    ("clusters: {eu: {certificate: own.pem}}", Some("spec.clusters is set")),
    (
        "stores: [{match: {scheme: vault}, use: {kind: SecretStore, name: vault}, provider: {vault: {server: 'https://evil.example', path: kv}}}]",
        Some("spec.stores[0].provider is set"),
    ),
    ("storeFiles: [stores.yaml]", Some("spec.storeFiles is set")),
    ("leakRules: .gitleaks.toml", Some("spec.leakRules is set")),
];

#[test]
fn each_field_of_the_table_is_set_chosen_or_refused() {
    for (field, why) in FIELDS {
        let repository = vault().settings(field);
        match why {
            Some(why) => repository.refused(why),
            None => {
                repository.rendered();
            }
        }
    }
}

#[test]
fn fields_that_no_schema_has_are_refused_as_before() {
    for field in ["domain: x", "sources: {}", "auth: {}", "identities: [x]", "policy: x", "baseline: x"] {
        let (code, stdout, _) = vault().settings(field).run();
        assert!(code != 0 && stdout.is_empty(), "{field}");
    }
}

#[test]
fn options_of_a_caller_count_as_the_repositorys() {
    for (option, why) in [
        ("--certificate own.pem", "--certificate is given"),
        ("--sealing-key own.key", "--sealing-key is given"),
        ("--identity own.age", "--identity is given"),
        ("--allow-env HOME", "--allow-env is given"),
        ("--allow-key x", "--allow-key is given"),
        ("--randomised", "--randomised is given"),
        ("--scope cluster-wide", "scope chooses"),
        ("--cluster us", "cluster chooses"),
    ] {
        let repository = vault();
        let arguments: &'static str = Box::leak(format!("render - {option}").into_boxed_str());
        Repository { arguments, ..repository }.refused(why);
    }
}

#[test]
fn t2_what_a_tenant_sets_changes_nothing() {
    let plain = vault().rendered();
    let settings = [
        "ARGOCD_ENV_VAULT_ADDR=https://evil.example",
        "ARGOCD_ENV_SEALREF_POLICY=/tmp/own.yaml",
        "ARGOCD_ENV_ARGOCD_APP_PROJECT_NAME=team-a",
        "PARAM_POLICY=/tmp/own.yaml",
        "PARAM_CERTIFICATE=own.pem",
        "PARAM_CLUSTER=us",
        "ARGOCD_ENV_KUBECONFIG=kubeconfig",
        "ARGOCD_ENV_SOPS_AGE_KEY=AGE-SECRET-KEY-1",
    ];
    let all =
        format!("export {} ARGOCD_APP_PARAMETERS='[{{\"name\":\"policy\",\"string\":\"x\"}}]'", settings.join(" "));
    assert_eq!(vault().before(&all).rendered(), plain);
}

#[test]
fn one_grant_has_to_grant_all_of_it() {
    // Read by the first, made by the second.
    let stream = secret("ref+vault://kv/team/db#/p")
        .replace("namespace: team}", "namespace: team, annotations: {sealref.dev/target: SealedSecret}}");
    Repository::new(stream).refused("may not make a SealedSecret of it");
    let two = secret("ref+vault://kv/team/db#/p")
        .replace("stringData: {", "stringData: {q: \"ref+vault://kv/team-a/db#/p\", ");
    Repository::new(two).refused("may not read vault://kv/team-a/db");
}

/// The login of the store goes into the generator: which one is for the operator to say, and so is what Vault is asked.
#[test]
fn credentials_that_vault_makes_are_granted_with_their_store() {
    let asks = |query: &str| {
        let stream = secret(&format!("ref+vaultdynamic://database/creds/team{query}#/username"));
        Repository::new(stream)
    };
    let password = "        - {scheme: generate, path: password}";
    let read = "        - {scheme: vaultdynamic, path: \"database/creds/{project}\"}";
    let store = |kind: &str, name: &str| {
        format!(
            "\n  stores:\n    - match: {{scheme: vaultdynamic}}\n      use: {{kind: {kind}, name: {name}}}\n      provider: \
             {{vault: {{server: \"https://vault.example:8200\", auth: {{tokenSecretRef: {{name: vault, key: token}}}}}}}}\n"
        )
    };
    let own = store("SecretStore", "vault");
    asks("").policy("\n  stores:\n", &own).refused("may not read vaultdynamic://database/creds/team");
    let granted = |query: &str| asks(query).policy(password, read);
    granted("")
        .policy("\n  stores:\n", &store("ClusterSecretStore", "everything"))
        .refused("ClusterSecretStore everything");
    for query in ["?method=POST", "?parameters.ttl=8760h", "?namespace=other"] {
        granted(query).policy("\n  stores:\n", &own).refused("may not read vaultdynamic://database/creds/team");
    }
    let out = granted("").policy("\n  stores:\n", &own).rendered();
    assert!(out.contains("kind: VaultDynamicSecret") && out.contains("https://vault.example:8200"), "{out}");
    // What a generator that asks nobody makes is for the tenant to say
    Repository::new(secret("ref+generate://password?noUpper=true&symbolCharacters=-_")).rendered();
}

#[test]
fn project_team_is_not_team_a() {
    let other = vault().before("export ARGOCD_APP_PROJECT_NAME=team-a ARGOCD_APP_NAMESPACE=team-a");
    other.refused("may not read vault://kv/team/db");
    vault().before("export ARGOCD_APP_PROJECT_NAME=tea").refused("may not read");
}

#[test]
fn a_namespace_of_others_is_refused() {
    for namespace in ["team-a", "kube-system", "teams"] {
        let stream =
            secret("ref+vault://kv/team/db#/p").replace("namespace: team}", &format!("namespace: {namespace}}}"));
        Repository::new(stream).refused(&format!("into the namespace \"{namespace}\""));
    }
    // The destination counts where nothing is written, and only the one that Argo CD says.
    let nowhere = secret("ref+vault://kv/team/db#/p").replace(", namespace: team}", "}");
    Repository::new(nowhere.clone()).rendered();
    let elsewhere = Repository::new(nowhere.clone()).before("export ARGOCD_APP_NAMESPACE=team-a");
    elsewhere.refused("into the namespace \"team-a\"");
    Repository::new(nowhere.clone()).before("unset ARGOCD_APP_NAMESPACE").refused("the namespace is not known");
    let typed = |arguments| Repository { arguments, ..Repository::new(nowhere.clone()) };
    typed("render - -n team-dev")
        .refused("the namespace \"team-dev\" is asked for, and ARGOCD_APP_NAMESPACE is \"team\"");
    typed("render - -n team").rendered();
}

#[test]
fn a_missing_project_or_policy_is_refused() {
    vault().before("unset ARGOCD_APP_PROJECT_NAME").refused("ARGOCD_APP_PROJECT_NAME is not set");
    vault().before("export ARGOCD_APP_PROJECT_NAME=").refused("ARGOCD_APP_PROJECT_NAME is not set");
    vault().before("rm ../../operator/policy.yaml").refused("policy.yaml");
    vault().before("export SEALREF_POLICY=/elsewhere.yaml").refused("name two policies");
}

#[test]
fn scope_annotations_of_a_tenant_are_refused_t9() {
    let stream = secret("ref+file://v").replace(
        "namespace: team}",
        "namespace: team, annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}}",
    );
    let (code, stdout, stderr) = Repository::new(stream).file("v", b"s").run();
    assert!(code != 0 && stdout.is_empty() && stderr.contains("widens"), "{stderr}");
    object("bitnami.com/v1alpha1", "SealedSecret", "spec: {encryptedData: {}}");
    let sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: x, namespace: team, annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}}\nspec: {encryptedData: {}}\n";
    Repository::new(sealed).refused("may not bind seals ClusterWide");
}

#[test]
fn files_outside_of_the_application_are_refused_t3() {
    let run = |reference: &str, before: &str| {
        let (code, stdout, stderr) = Repository::new(secret(reference)).settings("cluster: eu").before(before).run();
        assert!(code != 0 && stdout.is_empty(), "{reference}: {stderr}");
        stderr
    };
    run("ref+file://../beside.txt", "true");
    run("ref+file:///etc/passwd", "true");
    for (target, name) in [
        ("../beside.txt", "beside"),
        ("../../outside.txt", "outside"),
        ("/proc/self/environ", "environ"),
        ("/etc/passwd", "passwd"),
        ("..", "folder"),
    ] {
        let told = run(&format!("ref+file://{name}"), &format!("ln -s {target} {name}"));
        assert!(!told.contains("of another"), "{told}");
    }
    run("ref+file://hard", "ln ../beside.txt hard");
}

#[test]
fn environment_names_are_granted() {
    let run = |name: &str| Repository::new(secret(&format!("ref+env://{name}"))).settings("cluster: eu");
    run("SEALREF_SEALING_KEY").refused("may not read the environment variable");
    run("ARGOCD_APP_NAME").refused("may not read the environment variable");
}

#[test]
fn plaintext_does_not_pass() {
    let ignored = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: team, annotations: {sealref.dev/ignore: \"true\"}}\nstringData: {p: x}\n";
    Repository::new(ignored).refused("sealref.dev/ignore stands on a Secret");
    // What stood in a ConfigMap was no secret, and docs/policy.md says so
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata: {a: \"ref+file://v\", b: plain}\n";
    let promoted = Repository::new(map).settings("cluster: eu\n  configMaps: Promote").file("v", b"s");
    assert!(promoted.rendered().contains("kind: SealedSecret"));
    let public = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: team, annotations: {sealref.dev/public-keys: password}}\nstringData: {password: x}\n";
    Repository::new(public).refused("may not leave the value of \"password\" public");
    let mixed = secret("ref+vault://kv/team/db#/p")
        .replace("namespace: team}", "namespace: team, annotations: {sealref.dev/public-keys: user}}");
    Repository::new(mixed.replace("stringData: {", "stringData: {user: x, "))
        .refused("may not leave the value of \"user\" public");
}

/// What `render` refuses, `verify` and `check` do not pass.
#[test]
fn plaintext_passes_no_gate() {
    let data = |rest: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: sh.helm.release.v1.a.v1, namespace: team, {rest}")
    };
    let helm = data("labels: {owner: helm}}\ntype: helm.sh/release.v1\ndata: {release: czNjcmV0}\n");
    let public = |key: &str| {
        data(&format!("annotations: {{sealref.dev/public-keys: {key}}}}}\nstringData: {{{key}: x-s3cret}}\n"))
    };
    let granted = public("username");
    for (stream, refused) in [(helm, true), (public("password"), true), (granted, false)] {
        for arguments in ["verify -", "check -"] {
            let (code, _, told) = Repository { arguments, ..Repository::new(stream.clone()) }.run();
            assert_eq!(code, i32::from(refused), "{arguments} {stream}\n{told}");
            assert_eq!(told.contains("a Secret stands in the stream in plain text"), refused, "{told}");
        }
    }
}

/// A comment switches a rule off where the policy lets an annotation do it.
#[test]
fn comments_silence_what_the_policy_lists() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: team}\ndata:\n  DB_PASSWORD: x-s3cret-hunter2 # gitleaks:allow\n";
    let checked = || Repository { arguments: "check -", ..Repository::new(map) };
    assert_eq!(checked().run().0, 1);
    let listed = |rule: &str| format!("  minimumRefreshInterval: 5m\n  suppress: [{rule}]");
    let with = |rule: &str| checked().policy("  minimumRefreshInterval: 5m", &listed(rule)).run().0;
    assert_eq!(with("plaintext/token"), 1);
    assert_eq!(with("plaintext/config-map"), 0);
}

#[test]
fn annotations_that_make_controllers_copy_are_refused() {
    for annotation in [
        "reflector.v1.k8s.emberstack.com/reflection-allowed",
        "replicator.v1.mittwald.de/replicate-to",
        "kubed.appscode.com/sync",
        "anything.else/at-all",
    ] {
        let stream = secret("ref+vault://kv/team/db#/p")
            .replace("namespace: team}", &format!("namespace: team, annotations: {{{annotation}: \"x\"}}}}"));
        Repository::new(stream).refused(&format!("may not give a Secret the annotation {annotation}"));
    }
    let stream = secret("ref+vault://kv/team/db#/p")
        .replace("namespace: team}", "namespace: team, annotations: {example.com/team: x}}");
    Repository::new(stream).rendered();
    // Wherever it stands: here in what cert-manager makes.
    let certificate =
        "spec: {secretTemplate: {annotations: {reflector.v1.k8s.emberstack.com/reflection-allowed: \"true\"}}}";
    object("cert-manager.io/v1", "Certificate", certificate).refused("may not give a Secret the annotation");
    object("v1", "ConfigMap", "data: {a: b}").rendered();
}

/// What a controller writes on the Secrets that it makes stands in the template, in the destination, or on the object.
#[test]
fn annotations_of_what_makes_secrets_are_held_to_the_policy() {
    let sealed = |name: &str| {
        let spec = format!("spec: {{encryptedData: {{}}, template: {{metadata: {{annotations: {{{name}: x}}}}}}}}");
        object("bitnami.com/v1alpha1", "SealedSecret", &spec)
    };
    let synced = |name: &str| {
        let spec = format!("mount: kv, path: team/db, type: kv-v2, destination: {{annotations: {{{name}: x}}}}");
        object("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", &format!("spec: {{{spec}}}")).policy(
            "      targets: [ExternalSecret]",
            "      targets: [ExternalSecret]\n      objects: [VaultStaticSecret]",
        )
    };
    let external = |name: &str| {
        let own = object("external-secrets.io/v1", "ExternalSecret", &format!("spec: {{{REMOTE}, data: []}}"));
        let stream = own.stream.replace("namespace: team", &format!("namespace: team, annotations: {{{name}: x}}"));
        Repository { stream, ..own }
    };
    for name in ["copier.example.org/to", "sealedsecrets.bitnami.com/managed"] {
        for repository in [sealed(name), synced(name), external(name)] {
            repository.refused(&format!("may not give a Secret the annotation {name}"));
        }
    }
    for name in ["example.com/team", "argocd.argoproj.io/sync-wave"] {
        for repository in [sealed(name), synced(name), external(name)] {
            repository.rendered();
        }
    }
}

#[test]
fn rules_are_switched_off_where_the_policy_lists_them() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: team, annotations: {sealref.dev/allow.rbac.secrets-readable: why}}\n";
    Repository::new(map).refused("may not switch off the rule");
    Repository::new(map)
        .policy("  minimumRefreshInterval: 5m", "  minimumRefreshInterval: 5m\n  suppress: [rbac/secrets-readable]")
        .rendered();
}

const REMOTE: &str = "secretStoreRef: {name: vault, kind: SecretStore}";

#[test]
fn objects_written_by_hand_are_held_to_the_grants() {
    let external = |spec: &str| object("external-secrets.io/v1", "ExternalSecret", &format!("spec: {{{spec}}}"));
    external(&format!("{REMOTE}, data: [{{secretKey: p, remoteRef: {{key: team/db, property: p}}}}]")).rendered();
    external(&format!("{REMOTE}, dataFrom: [{{extract: {{key: kv/team/db}}}}]")).rendered();
    let rows: &[(String, &str)] = &[
        (format!("{REMOTE}, data: [{{secretKey: p, remoteRef: {{key: team-a/db}}}}]"), "may not read vault://kv/team-a/db"),
        (format!("{REMOTE}, data: [{{secretKey: p, remoteRef: {{key: kv/data/team-a/db}}}}]"), "may not read vault://kv/team-a/db"),
        (format!("{REMOTE}, data: [{{secretKey: p, remoteRef: {{key: team/../team-a/db}}}}]"), "no normal form"),
        (format!("{REMOTE}, dataFrom: [{{extract: {{key: team-a/db}}}}]"), "may not read vault://kv/team-a/db"),
        (format!("{REMOTE}, dataFrom: [{{find: {{name: {{regexp: .*}}}}}}]"), "fetches whatever fits"),
        (format!("{REMOTE}, dataFrom: [{{sourceRef: {{generatorRef: {{kind: VaultDynamicSecret, name: x}}}}}}]"), "may not write a VaultDynamicSecret"),
        (
            format!("{REMOTE}, dataFrom: [{{extract: {{key: team/db}}, sourceRef: {{storeRef: {{name: everything, kind: ClusterSecretStore}}}}}}]"),
            "through ClusterSecretStore everything",
        ),
        (
            "secretStoreRef: {name: everything, kind: ClusterSecretStore}, data: [{secretKey: p, remoteRef: {key: team/db}}]".to_owned(),
            "through ClusterSecretStore everything",
        ),
        ("secretStoreRef: {name: own}, data: [{secretKey: p, remoteRef: {key: team/db}}]".to_owned(), "what is behind the store"),
        (format!("{REMOTE}, refreshInterval: 1s, data: []"), "refreshInterval is shorter"),
        (format!("{REMOTE}, newField: 1, data: []"), "not known"),
        (format!("{REMOTE}, target: {{manifest: {{kind: Role}}}}, data: []"), "target.manifest"),
        (
            format!("{REMOTE}, target: {{template: {{metadata: {{annotations: {{replicator.v1.mittwald.de/replicate-to: \".*\"}}}}}}}}, data: []"),
            "may not give a Secret the annotation",
        ),
        (
            format!("{REMOTE}, target: {{template: {{templateFrom: [{{target: Annotations, literal: x}}]}}}}, data: []"),
            "templateFrom writes",
        ),
    ];
    for (spec, why) in rows {
        external(spec).refused(why);
    }
    let elsewhere = external(&format!("{REMOTE}, data: []"));
    Repository { stream: elsewhere.stream.replace("namespace: team}", "namespace: team-a}"), ..elsewhere }
        .refused("into the namespace \"team-a\"");
}

#[test]
fn stores_and_controllers_written_by_hand_are_held_to_the_grants() {
    let same = "spec: {provider: {vault: {server: \"https://vault.example:8200\", path: kv, version: v2}}}";
    let store = |name: &str, spec: &str| {
        let store = object("external-secrets.io/v1", "SecretStore", spec);
        Repository { stream: store.stream.replace("name: x", &format!("name: {name}")), ..store }
    };
    store("vault", same).rendered();
    store("own", same).refused("may not write the SecretStore own");
    store("vault", &same.replace("vault.example", "evil.example")).refused("may not write the SecretStore vault");
    store("vault", &same.replace("path: kv", "path: other")).refused("may not write the SecretStore vault");
    store("vault", &same.replace("version: v2", "version: v2, auth: {jwt: {role: admin}}")).refused("may not write");
    for (version, kind) in [
        ("external-secrets.io/v1", "ClusterSecretStore"),
        ("external-secrets.io/v1", "ClusterExternalSecret"),
        ("external-secrets.io/v1alpha1", "PushSecret"),
        ("external-secrets.io/v1alpha1", "ClusterPushSecret"),
        ("generators.external-secrets.io/v1alpha1", "VaultDynamicSecret"),
        ("generators.external-secrets.io/v1alpha1", "ECRAuthorizationToken"),
        ("secrets.hashicorp.com/v1beta1", "VaultStaticSecret"),
        ("secrets.hashicorp.com/v1beta1", "VaultAuth"),
        ("secrets.hashicorp.com/v1beta1", "VaultConnection"),
        ("secrets-store.csi.x-k8s.io/v1", "SecretProviderClass"),
        ("secretgen.carvel.dev/v1alpha1", "SecretExport"),
        ("clustersecret.io/v1", "ClusterSecret"),
    ] {
        object(version, kind, same).refused(&format!("may not write a {kind} by hand"));
    }
    let by_path = |path: &str| {
        let spec = format!("spec: {{mount: kv, path: {path}, type: kv-v2}}");
        object("secrets.hashicorp.com/v1beta1", "VaultStaticSecret", &spec).policy(
            "      targets: [ExternalSecret]",
            "      targets: [ExternalSecret]\n      objects: [VaultStaticSecret]",
        )
    };
    by_path("team/db").rendered();
    by_path("team-a/db").refused("may not read vault://kv/team-a/db");
    by_path("team/../team-a/db").refused("no normal form");
    by_path("team/db, namespace: other").refused("may not read vault://kv/team/db?namespace=other");
    by_path("[team-a/db]").refused("mount and path have no normal form");
    let mountless = by_path("team-a/db");
    Repository { stream: mountless.stream.replace("mount: kv, ", ""), ..mountless }
        .refused("mount and path have no normal form");
    let push = |spec: &str| {
        let spec = format!("spec: {{secretStoreRefs: [{{name: vault, kind: SecretStore}}], {spec}}}");
        object("external-secrets.io/v1alpha1", "PushSecret", &spec)
            .policy("      targets: [ExternalSecret]", "      targets: [ExternalSecret]\n      objects: [PushSecret]")
    };
    let one = "selector: {secret: {name: own}}";
    let to = |key: &str| format!("data: [{{match: {{secretKey: p, remoteRef: {{remoteKey: {key}, property: p}}}}}}]");
    push(&format!("{one}, {}", to("team/db"))).rendered();
    push(&format!("{one}, {}", to("team-a/db"))).refused("may not read vault://kv/team-a/db");
    push(&format!("{one}, data: []")).refused("the PushSecret lists no data");
    for selector in ["{secret: {selector: {matchLabels: {a: b}}}}", "{generatorRef: {kind: Password, name: own}}", "{}"]
    {
        push(&format!("selector: {selector}, {}", to("team/db"))).refused("a field or a shape that is not known");
    }
    let elsewhere = to("team/db").replace("[{", "[{metadata: {spec: {remoteNamespace: other}}, ");
    push(&format!("{one}, {elsewhere}")).refused("a field or a shape that is not known");
    // A store in the stream is never chosen.
    let stream = format!("{}---\n{}", secret("ref+vault://kv/team/db#/p"), store("vault", same).stream);
    assert!(Repository::new(stream).rendered().contains("name: vault"));
}

#[test]
fn what_hides_is_seen() {
    let hidden = [
        "apiVersion: \"external-secrets.io\\u002fv1\"\nkind: \"Secret\\u0053tore\"\nmetadata: {name: x, namespace: team}\nspec: {provider: {fake: {}}}\n".to_owned(),
        "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{\"apiVersion\": \"external-secrets.io/v1\", \"kind\": \"SecretStore\", \"metadata\": {\"name\": \"x\", \"namespace\": \"team\"}, \"spec\": {\"provider\": {\"fake\": {}}}}]}".to_owned(),
        "apiVersion: external-secrets.io/v1alpha1\nkind: SecretStore\nmetadata: {name: x, namespace: team}\nspec: {provider: {fake: {}}}\n".to_owned(),
    ];
    for stream in hidden {
        Repository::new(stream).refused("may not write the SecretStore x");
    }
}

#[test]
fn the_schema_takes_what_a_policy_is() {
    let schema = program::Program::new().shell("sealref schema SealrefPolicy", b"").stdout;
    let schema = jsonschema::validator_for(&serde_json::from_slice(&schema).unwrap()).unwrap();
    let read = |text: &str| -> serde_json::Value {
        let tree = Tree::parse(text, Syntax::Document).unwrap_or_else(|fault| panic!("{}", fault.message));
        sealref::yaml::read(&tree, tree.root()).unwrap()
    };
    for policy in [POLICY, include_str!("../examples/policy/policy.yaml")] {
        let wrong: Vec<String> = schema.iter_errors(&read(policy)).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
    assert!(!schema.is_valid(&read(&POLICY.replace("targets:", "target:"))));
}

#[test]
fn the_folder_around_an_application_is_granted_by_name() {
    let reading = |path: &str| {
        let stream = secret(&format!("ref+file://{path}"));
        let repository = Repository::new(stream).settings("cluster: eu");
        repository
            .file("../shared.txt", b"s3cret")
            .before("ln -s ../shared.txt shared; export ARGOCD_APP_SOURCE_PATH=repository/app")
    };
    let (code, _, stderr) = reading("shared").run();
    assert_eq!(code, 1, "{stderr}");
    let granted = |folder: &str| {
        reading("shared").policy(
            "      environment: [GRANTED]",
            &format!("      environment: [GRANTED]\n      fileRoots: [{folder}]"),
        )
    };
    granted("repository").rendered();
    granted("\"*\"").rendered();
    let (code, _, stderr) = granted("other").run();
    assert_eq!(code, 1, "{stderr}");
    granted("repository").before("export ARGOCD_APP_SOURCE_PATH=elsewhere").refused("where the repository begins");
}

#[test]
fn settings_around_an_application_are_read_and_files_around_it_are_not() {
    let settings = b"apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {cluster: eu}\n";
    let reading = |path: &str| {
        Repository::new(secret(&format!("ref+file://{path}")))
            .file("../.sealref.yaml", settings)
            .file("own.txt", b"s3cret")
            .before("export ARGOCD_APP_SOURCE_PATH=app")
    };
    // Paths are relative to the settings
    let own = reading("app/own.txt").rendered();
    assert!(own.contains("kind: SealedSecret"), "{own}");
    for path in ["beside.txt", "own.txt"] {
        reading(path).refused("lies outside of the Application's folder");
    }
    let (code, stdout, stderr) = reading("app/link").before("ln -s ../beside.txt link").run();
    assert_eq!((code, stdout.as_str()), (1, ""), "{stderr}");
    // Nothing of what lies above the repository is read: no settings, and so no cluster
    let above =
        Repository::new(secret("ref+file://own.txt")).file("../../.sealref.yaml", settings).file("own.txt", b"s");
    above.before("export ARGOCD_APP_SOURCE_PATH=app").refused("cluster");
}

#[test]
fn tenants_are_read_from_a_mounted_config_map() {
    // As the kubelet lays one out: links into a folder of links
    let mounted = "mkdir -p ../../operator/tenants/..1; \
        printf '{project: team, namespaces: [elsewhere]}' > ../../operator/tenants/..1/team.yaml; \
        ln -s ..1 ../../operator/tenants/..data; ln -s ..data/team.yaml ../../operator/tenants/team.yaml";
    let stream = secret("ref+vault://kv/team/db#/p").replace("namespace: team", "namespace: elsewhere");
    let tenant = "    - {project: team, namespaces: [team, team-dev]}\n";
    Repository::new(&stream).policy(tenant, "").before(mounted).refused("elsewhere");
    let named =
        Repository::new(&stream).policy(tenant, "").policy("  tenants:", "  tenantFiles: tenants/*.yaml\n  tenants:");
    named.before(mounted).rendered();
}
