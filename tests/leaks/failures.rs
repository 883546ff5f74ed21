//! Runs that fail beside a value, or because of one.

use super::world::{LITERAL, World, all, binary, one, secret};

/// Title, what is typed (the keys are added), and what comes in.
pub(crate) type Failure = (String, Vec<String>, Vec<u8>);

pub(crate) fn failures(world: &World) -> Vec<Failure> {
    let mut runs: Vec<Failure> = vec![];
    let mut add = |title: &str, arguments: &[&str], input: String| {
        runs.push((title.to_owned(), arguments.iter().map(|&a| a.to_owned()).collect(), input.into_bytes()));
    };
    let beside = |broken: &str| format!("{}---\n{broken}", all());
    // Text that is broken beside a value, or in it
    for broken in [
        format!("kind: Secret\nstringData: {{a: \"{LITERAL}"),
        format!("kind: Secret\nstringData:\n\ta: {LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: {LITERAL}\n a: {LITERAL}\n"),
        format!("kind: Secret\nstringData: {{a: {LITERAL}, a: {LITERAL}}}\n"),
        format!("kind: Secret\nstringData:\n  a: *{LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: !{LITERAL} x\n"),
        format!("kind: Secret\nstringData:\n  a: !!binary {LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: !!int {LITERAL}\n"),
        format!("kind: Secret\nstringData:\n  a: \"{LITERAL}\\q\"\n"),
        format!("kind: Secret\nstringData:\n  a: &{LITERAL} x\n  b: &{LITERAL} y\n"),
        format!("kind: Secret\nstringData:\n  <<: {LITERAL}\n"),
        format!("kind: Secret\n? [{LITERAL}]\n: x\n"),
        format!("kind: Secret\nstringData: {{a: 'x'{LITERAL}}}\n"),
        format!("%YAML {LITERAL}\n---\nkind: Secret\n"),
        format!("{{\"kind\": \"Secret\", \"stringData\": {{\"a\": \"{LITERAL}\"}}"),
        format!("{{\"kind\": \"Secret\", \"stringData\": {{\"a\": \"{LITERAL}\" \"b\"}}}}"),
        format!("- Secret\n- {LITERAL}\n"),
        format!("Secret {LITERAL}\n"),
    ] {
        for command in ["render", "explain", "verify"] {
            add("broken text", &[command], beside(&broken));
        }
        add("broken text", &["seal", "-f", "-"], broken);
    }
    // Values of the wrong kind
    for data in [
        format!("  a: [{LITERAL}]"),
        format!("  a: {{{LITERAL}: {LITERAL}}}"),
        "  a: 12345678".to_owned(),
        format!("  a: {LITERAL}"),
        format!("  a: 'postgres://u:{LITERAL}@ref+vault://kv/a#/b+/x'"),
        format!("  a: 'password={LITERAL} ref+vault://kv/a#/b'"),
        format!("  a: 'postgres://u:{LITERAL}@ref+vault:/x'"),
        format!("  a: '{LITERAL}ref+nosuch://x'"),
        format!("  a: 'ref+file://plain.txt,{LITERAL}'"),
        format!("  a: ref+vault://kv/a#/b\n  b: {LITERAL}"),
        format!("  a: ref+vault://kv/a#/b\n  b: ref+file://plain.txt\n  c: {LITERAL}"),
    ] {
        for command in ["render", "explain"] {
            add("wrong value", &[command], secret(&data));
        }
    }
    for object in [
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\ndata: {{a: {LITERAL}!}}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\ndata: {LITERAL}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData: [{LITERAL}]\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db}}\nstringdata: {{a: {LITERAL}}}\n"),
        format!("apiVersion: v1\nkind: Secret\nmetadata: {LITERAL}\nstringData: {{a: {LITERAL}}}\n"),
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{a: '{LITERAL} ref+vault://kv/a#/b'}}\n"
        ),
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: c, namespace: x}}\nspec: {{containers: [{{name: c, args: ['--p={LITERAL} ref+vault://kv/a#/b']}}]}}\n"
        ),
        format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: db, namespace: shop}}\nstringData: {{tls.crt: {LITERAL}, tls.key: {LITERAL}}}\n"
        ),
    ] {
        add("wrong object", &["render"], object.clone());
        add("wrong object", &["seal", "-f", "-"], object);
    }
    add("plain text", &["verify"], one(LITERAL));
    add("plain text", &["verify"], one(&format!("[{LITERAL}]")));
    add("plain text", &["verify"], one("x").replace("\n  a: x", &format!(" {LITERAL}")));
    add("plain text in data", &["verify"], one(LITERAL).replace("stringData", "data"));
    // Files
    for reference in [
        "broken.yaml#/db/password",
        "tabs.yaml#/db/password",
        "twice.yaml#/password",
        "values.yaml#/db",
        "values.yaml#/db/map",
        "values.yaml#/db/list",
        "values.yaml#/db/password/x",
        "values.yaml#/nothing",
        "plain.txt#/a",
        "thorny.txt#/a",
        "binary.bin#/a",
        "link.txt",
        "link/secret.txt",
        "link/secret.yaml#/a",
        "../outside/secret.txt",
        "missing.txt",
        "large.txt",
        "huge.txt",
        "cut.age",
        "changed.age",
        "plain.age",
        "secrets.age#/nothing",
        "broken.yaml.age#/a",
        "app",
        ".git",
    ] {
        add("file", &["render"], one(&format!("ref+file://{reference}")));
    }
    add("absolute file", &["render"], one(&format!("ref+file://{}", world.path("outside/secret.txt").display())));
    // Types whose content is checked
    for (kind, keys) in [
        ("kubernetes.io/tls", "{tls.crt: ref+file://plain.txt, tls.key: ref+file://thorny.txt}"),
        ("kubernetes.io/dockerconfigjson", "{.dockerconfigjson: ref+file://thorny.txt}"),
        ("kubernetes.io/dockercfg", "{.dockercfg: ref+file://binary.bin}"),
        ("kubernetes.io/basic-auth", "{other: ref+file://plain.txt}"),
        ("kubernetes.io/ssh-auth", "{ssh-privatekey: ref+file://plain.txt, b: ref+file://huge.txt}"),
    ] {
        let object = format!(
            "apiVersion: v1\nkind: Secret\ntype: {kind}\nmetadata: {{name: db, namespace: shop}}\nstringData: {keys}\n"
        );
        add("type", &["render"], object);
    }
    // Keys, identities, certificates
    for (title, option, file) in [
        ("short key", "--sealing-key", "../home/short-key"),
        ("bad key", "--sealing-key", "../home/bad-key"),
        ("spaced key", "--sealing-key", "../home/spaced-key"),
        ("a value as a key", "--sealing-key", "thorny.txt"),
        ("an identity as a key", "--sealing-key", "../home/identity"),
        ("a binary key", "--sealing-key", "binary.bin"),
        ("a value as a certificate", "--certificate", "plain.txt"),
        ("a key as a certificate", "--certificate", "../home/key"),
        ("an identity as a certificate", "--certificate", "../home/identity"),
        ("another identity", "--identity", "../home/other-identity"),
        ("a broken identity", "--identity", "../home/two-identities"),
        ("a key as an identity", "--identity", "../home/key"),
        ("a value as an identity", "--identity", "binary.bin"),
        ("a value as settings", "--config", "thorny.txt"),
        ("values as settings", "--config", "values.yaml"),
        ("broken values as settings", "--config", "broken.yaml"),
        ("a key as settings", "--config", "../home/key"),
    ] {
        add(title, &["render", option, file], all());
    }
    // Servers that answer with values where none should be
    for path in [
        "list",
        "map",
        "no-json",
        "cut",
        "deleted",
        "header",
        "ok#/other",
        "400",
        "401",
        "403",
        "404",
        "405",
        "412",
        "429",
        "451",
        "500",
        "503",
    ] {
        let (path, key) = path.split_once('#').map_or((path, "/k"), |(path, key)| (path, key));
        add("server", &["render"], one(&format!("ref+vault://kv/{path}#{key}")));
    }
    add("server", &["render"], format!("{}  z: ref+vault://kv/list#/k\n", super::world::servers(world)));
    add("certificate", &["cert", "show", "../home/identity"], String::new());
    add("certificate", &["cert", "show", "thorny.txt"], String::new());
    // Merging and env files
    add("merge", &["seal", "--merge-into", "values.yaml", "--from-literal", "a=b"], String::new());
    add("merge", &["seal", "--merge-into", "broken.yaml", "--from-literal", "a=b"], String::new());
    add("env file", &["seal", "db", "-n", "shop", "--from-env-file", "plain.txt"], String::new());
    add("env file", &["seal", "db", "-n", "shop", "--from-env-file", "binary.bin"], String::new());
    add("literal", &["seal", "db", "-n", "shop", "--from-literal", LITERAL], String::new());
    add(
        "literals",
        &[
            "seal",
            "db",
            "-n",
            "shop",
            "--from-literal",
            &format!("a={LITERAL}"),
            "--from-literal",
            &format!("a={LITERAL}"),
        ],
        String::new(),
    );
    // Not UTF-8
    let mut bytes = one(LITERAL).into_bytes();
    bytes.push(0xff);
    runs.push(("not UTF-8".to_owned(), vec!["render".to_owned()], bytes));
    runs.push(("binary".to_owned(), vec!["render".to_owned()], binary()));
    runs
}
