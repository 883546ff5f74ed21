//! The canary hunt: values are planted wherever sealref may meet one, commands are run in success and in
//! failure, and whatever they wrote is searched for every form a value could leak in.
//!
//! A finding names the canary, the form and the place, never the value.

#![allow(clippy::too_many_lines, reason = "a test tells one story")]

#[path = "leaks/failures.rs"]
mod failures;
#[path = "leaks/forced.rs"]
mod forced;
#[path = "support/hunter.rs"]
mod hunter;
#[path = "leaks/moles.rs"]
mod moles;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;
#[path = "leaks/world.rs"]
mod world;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use failures::failures;
use world::{KEY, KEYED, LITERAL, VARIABLE, World, all, listed, one, secret, servers};

fn fail_on(leaks: &[String]) {
    assert!(leaks.is_empty(), "\n{}", leaks.join("\n"));
}

#[test]
fn nothing_leaks_where_all_goes_well() {
    let world = World::new();
    let literals = secret(&format!("  a: {LITERAL}\n  b: 'x {LITERAL} {{{{ y }}}}'"));
    world.put("app/literals.env", format!("A={LITERAL}\n# {LITERAL}\nB=x{LITERAL}\n"));
    let runs: &[(&str, &[&str], &str)] = &[
        ("render", &["render"], &all()),
        ("servers", &["render"], &servers(&world)),
        ("randomised", &["render", "--randomised"], &all()),
        ("to a file", &["render", "-o", "../tmp/out.yaml"], &all()),
        ("to a folder", &["render", "-o", "../tmp/out/", "in.yaml"], ""),
        ("with a report", &["render", "--report", "../tmp/report"], &servers(&world)),
        ("namespace-wide", &["render", "--scope", "namespace-wide"], &all()),
        ("cluster-wide", &["render", "--scope", "cluster-wide"], &all()),
        ("raw key", &["render", "--sealing-key", "../home/raw-key"], &all()),
        ("preview", &["render", "--preview"], &all()),
        (
            "krm",
            &["krm", "--sealing-key", "../home/key", "--allow-env", "SEALREF_CANARY", "--identity", "../home/identity"],
            &listed(&all()),
        ),
        ("after Helm", &["post-render", "-n", "shop"], &all()),
        ("explain", &["explain"], &all()),
        ("explain as JSON", &["explain", "--format", "json"], &all()),
        ("seal literals", &["seal", "-f", "-"], &literals),
        ("seal an env file", &["seal", "db", "-n", "shop", "--from-env-file", "literals.env"], ""),
        ("seal a file", &["seal", "db", "-n", "shop", "--from-file", "thorny.txt", "--from-file", "b=binary.bin"], ""),
        ("seal a literal", &["seal", "db", "-n", "shop", "--from-literal", &format!("a={LITERAL}")], ""),
    ];
    world.put("app/in.yaml", all());
    let mut leaks = vec![];
    for (title, arguments, input) in runs {
        let keyed = KEYED.iter().filter(|_| arguments[0] != "krm");
        let keyed = keyed.skip(if arguments.contains(&"--sealing-key") { 2 } else { 0 });
        let arguments: Vec<&str> = arguments.iter().chain(keyed).copied().collect();
        let (output, found) = world.hunt(title, &mut world.command(&arguments), input.as_bytes());
        assert!(output.status.success(), "{title}: {}", String::from_utf8_lossy(&output.stderr));
        leaks.extend(found);
    }
    // What came out goes in again, and is merged into
    let (output, _) = world.hunt("", &mut world.command(&[&["render"][..], &KEYED].concat()), all().as_bytes());
    world.put("app/sealed.yaml", &output.stdout);
    for arguments in [
        &["verify", "sealed.yaml"][..],
        &["verify", "--format", "json", "sealed.yaml"],
        &["check", "sealed.yaml"],
        &["check", "--format", "json", "sealed.yaml"],
        &["rbac", "who-can", "get", "secrets/db", "-n", "shop", "sealed.yaml"],
        &["cert", "show", "certificate.pem"],
        &["doctor"],
        &["doctor", "--format", "json"],
        &["render", "sealed.yaml", "-o", "../tmp/folder/"],
        &["seal", "--merge-into", "sealed.yaml", "--from-file", "new=plain.txt", "--sealing-key", "../home/key"],
    ] {
        let (output, found) = world.hunt(arguments[0], &mut world.command(arguments), b"");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() || arguments[0] == "doctor", "{arguments:?}: {told}");
        leaks.extend(found);
    }
    // The doctor has started what stands on the PATH, and the hunt has seen what it was given
    assert!(std::fs::read_to_string(world.path("seen/given")).unwrap().contains("/bin/kustomize"));
    fail_on(&leaks);
}

/// A reference, and a literal value, in every place that a manifest has.
#[test]
fn nothing_leaks_from_any_position() {
    let world = World::new();
    let reference = "ref+file://plain.txt";
    let encoded = |text: &str| STANDARD.encode(text);
    let metadata = |inside: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop, {inside}}}\nstringData: {{a: {reference}}}\n"
        )
    };
    let pod = |inside: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: web, namespace: shop}}\nspec: {{containers: [{{name: c, {inside}}}]}}\n"
        )
    };
    let mut leaks = vec![];
    let mut went_well = 0;
    for position in [
        one(reference),
        one(reference).replace("stringData", "data").replace(reference, &encoded(reference)),
        format!("{}data: {{a: {}}}\n", one(reference), encoded(reference)),
        format!("{}# {reference}\n", one(reference)),
        one(&format!("|\n    {reference}\n")),
        one(&format!("'x{reference}+y'")),
        one(&format!("{reference}#/{reference}")),
        secret(&format!("  {reference}: x")),
        metadata(&format!("annotations: {{sealref.dev/data-from: {reference}}}")),
        metadata("annotations: {sealref.dev/data-from: 'ref+file://values.yaml#/db'}"),
        metadata(&format!("annotations: {{example.com/a: {reference}}}")),
        metadata(&format!("labels: {{a: {reference}}}")),
        one(reference).replace("name: db", &format!("name: {reference}")),
        one(reference).replace("namespace: shop", &format!("namespace: {reference}")),
        pod(&format!("env: [{{name: P, value: {reference}}}]")),
        pod(&format!("env: [{{name: P, value: 'a {reference}+ b'}}, {{name: Q, value: {reference}}}]")),
        pod(&format!("args: ['--p={reference}']")),
        pod(&format!("image: {reference}")),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: shop}}\ndata: {{a: {reference}, b: x}}\n"
        ),
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: h, namespace: shop}}\nspec: {{values: {{a: {reference}, b: [{reference}]}}}}\n"
        ),
        format!(
            "apiVersion: sealref.dev/v1alpha1\nkind: ReferenceGenerator\nmetadata: {{name: g, namespace: shop}}\nspec: {{data: {{a: {reference}}}, files: [b=thorny.txt]}}\n"
        ),
        format!(
            "apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: w, namespace: shop}}\nspec: {{a: {reference}}}\n"
        ),
        format!("apiVersion: v1\nkind: List\nitems:\n- {}", one(reference).replace('\n', "\n  ")),
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"db\", \"namespace\": \"shop\"}}, \"stringData\": {{\"a\": \"{reference}\"}}}}"
        ),
    ] {
        for arguments in [
            &["render"][..],
            &["render", "--randomised"],
            &["render", "-o", "../tmp/out.yaml"],
            &["render", "--report", "../tmp/report"],
            &["post-render", "-n", "shop"],
            &["explain"],
            &["explain", "--format", "json"],
        ] {
            let arguments: Vec<&str> = arguments.iter().chain(&KEYED).copied().collect();
            let title = format!("{} of {position}", arguments.join(" "));
            let (output, found) = world.hunt(&title, &mut world.command(&arguments), position.as_bytes());
            went_well += usize::from(output.status.success());
            assert!(output.status.success() || output.stdout.is_empty(), "{title}");
            assert!(output.status.code().is_some_and(|code| code < 5), "{title}: {:?}", output.status);
            leaks.extend(found);
        }
        for command in ["verify", "check"] {
            let (_, found) = world.hunt(&position, &mut world.command(&[command, "-"]), position.as_bytes());
            leaks.extend(found);
        }
    }
    assert!(went_well > 60, "only {went_well} went well");
    fail_on(&leaks);
}

#[test]
fn nothing_leaks_where_something_fails() {
    let world = World::new();
    let (mut leaks, mut succeeded) = (vec![], vec![]);
    let mut runs = failures(&world);
    // Reports are told of failures too, and results go into lists
    let plain: Vec<(String, Vec<u8>)> = runs
        .iter()
        .filter(|(_, arguments, _)| arguments == &["render"])
        .map(|(title, _, input)| (format!("{title} again"), input.clone()))
        .collect();
    for (title, input) in plain {
        let arguments = ["post-render", "-n", "shop", "--report", "../tmp/report"];
        runs.push((title.clone(), arguments.map(str::to_owned).to_vec(), input.clone()));
        if let Ok(text) = String::from_utf8(input) {
            runs.push((title, vec!["krm".to_owned()], listed(&text).into_bytes()));
        }
    }
    let count = runs.len();
    for (index, (title, arguments, input)) in runs.into_iter().enumerate() {
        let mut typed: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for pair in KEYED.chunks(2) {
            if matches!(typed[0], "render" | "explain" | "seal" | "krm" | "post-render") && !typed.contains(&pair[0]) {
                typed.extend(pair);
            }
        }
        let title = format!("{index} {title} {}", arguments.join(" "));
        let title = title.replace(LITERAL, "LITERAL");
        let (output, found) = world.hunt(&title, &mut world.command(&typed), &input);
        leaks.extend(found);
        if output.status.success() {
            succeeded.push(title);
        } else {
            assert!(output.stdout.is_empty(), "{title}");
            assert_ne!(output.status.code(), Some(70), "{title}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.status.code().is_some_and(|code| code < 100), "{title}: {:?}", output.status);
        }
    }
    fail_on(&leaks);
    assert!(count > 350, "{count}");
    assert!(succeeded.len() < 12, "these were to fail:\n{}", succeeded.join("\n"));
}

/// A title, variables, what comes in, and options.
type Row<'r> = (&'r str, &'r [(&'r str, &'r OsString)], &'r str, &'r [&'r str]);

/// What somebody puts into the environment by mistake.
#[test]
fn nothing_leaks_from_the_environment() {
    let world = World::new();
    let key = format!("sealref-key-1:{}", STANDARD.encode(KEY));
    let not_text = OsString::from_vec([VARIABLE.as_bytes(), &[0xff]].concat());
    let (identity, key): (OsString, OsString) = (world.identity.clone().into(), key.into());
    let canary = OsString::from(VARIABLE);
    let proxy =
        OsString::from(format!("http://user:{VARIABLE}@{}", world.server.url("").trim_start_matches("http://")));
    let vault = one("ref+vault://kv/ok#/k");
    let mut leaks = vec![];
    let rows: [Row; 12] = [
        (
            "no text",
            &[("SEALREF_CANARY", &not_text)],
            &one("ref+env://SEALREF_CANARY"),
            &["--allow-env", "SEALREF_CANARY"],
        ),
        ("not allowed", &[("OTHER", &canary)], &one("ref+env://OTHER"), &[]),
        ("the key itself instead of its file", &[("SEALREF_SEALING_KEY", &key)], &one("ref+file://plain.txt"), &[]),
        (
            "the identity itself instead of its file",
            &[("SEALREF_IDENTITY", &identity)],
            &one("ref+file://secrets.age"),
            &["--sealing-key", "../home/key"],
        ),
        ("an empty variable", &[("SEALREF_CANARY", &OsString::new())], &all(), &KEYED),
        ("a policy", &[("SEALREF_POLICY", &canary)], &all(), &KEYED),
        ("an environment", &[("SEALREF_ENVIRONMENT", &"nowhere".into())], &all(), &KEYED),
        ("a token that is no text", &[("VAULT_TOKEN", &not_text)], &vault, &KEYED),
        ("an address with a password", &[("VAULT_ADDR", &proxy)], &vault, &KEYED),
        ("an address that is none", &[("VAULT_ADDR", &canary)], &vault, &KEYED),
        ("a namespace that is none", &[("VAULT_NAMESPACE", &not_text)], &vault, &KEYED),
        (
            "a proxy with a password that fails",
            &[("HTTPS_PROXY", &proxy), ("VAULT_ADDR", &"https://vault.invalid".into())],
            &vault,
            &KEYED,
        ),
    ];
    for (title, variables, input, arguments) in rows {
        let mut command = world.command(&[&["render"], arguments].concat());
        let (output, found) = world.hunt(title, command.envs(variables.iter().copied()), input.as_bytes());
        assert!(!output.status.success(), "{title}");
        assert!(output.stdout.is_empty(), "{title}");
        // What a proxy wants to know of us goes to the proxy
        leaks.extend(found.into_iter().filter(|leak| !(title.contains("proxy") && leak.ends_with("in a request"))));
    }
    fail_on(&leaks);
}

/// What is started to build gets neither a variable nor a value of ours; what it says of its own is not passed on.
#[test]
fn nothing_leaks_to_a_builder_p2() {
    let world = World::new();
    let kustomize = world.path("bin/kustomize");
    let policy = format!(
        "apiVersion: sealref.dev/v1alpha1\nkind: SealrefPolicy\nspec:\n  tenants: [{{project: shop, namespaces: [shop]}}]\n  \
         clusters: {{eu: {{certificate: {}}}}}\n  sealing: {{key: {{file: {}}}}}\n  sources: {{vault: {{address: \"{}\", auth: {{token: {{file: {}}}}}}}}}\n  \
         grants: [{{projects: [shop], read: [{{scheme: vault, path: \"kv/**\"}}], targets: [SealedSecret], clusters: [eu], builders: [Kustomize]}}]\n  \
         builders: {{kustomize: {}}}\n",
        world.path("app/certificate.pem").display(),
        world.path("home/key").display(),
        world.server.url(""),
        world.path("home/token").display(),
        kustomize.display(),
    );
    world.put("home/policy.yaml", policy);
    world.put("home/token", world::TOKEN);
    std::fs::create_dir(world.path("tenant")).unwrap();
    world.put("tenant/kustomization.yaml", "resources: []\n");
    world.put(
        "tenant/.sealref.yaml",
        "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {targets: {vault: SealedSecret}}\n",
    );
    let mut leaks = vec![];
    for script in
        [None, Some(format!("echo {LITERAL}; echo {LITERAL} >&2")), Some(format!("echo 'a: [{LITERAL}'; exit 1"))]
    {
        if let Some(script) = &script {
            world.put("bin/kustomize", format!("#!/bin/sh\n{script}\n"));
        }
        let mut command = world.command(&["cmp", "generate"]);
        command.current_dir(world.path("tenant")).env("SEALREF_POLICY", world.path("home/policy.yaml"));
        command.env("ARGOCD_APP_PROJECT_NAME", "shop").env("ARGOCD_APP_NAMESPACE", "shop");
        command.env("ARGOCD_ENV_CANARY", VARIABLE).env("PARAM_CANARY", VARIABLE);
        let (output, found) = world.hunt("generate", &mut command, b"");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), script.is_none(), "{told}");
        leaks.extend(found);
    }
    let given = std::fs::read_to_string(world.path("seen/given")).unwrap();
    assert!(given.contains("/bin/kustomize build"), "{given}");
    fail_on(&leaks);
}
