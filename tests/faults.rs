//! Bad input and broken worlds, numbered as in the table of faults: small ones are cases in `faults/`, in the
//! format of tests/README.md, large ones are made here.

#[path = "support/case/mod.rs"]
mod case;
#[allow(dead_code, reason = "each test uses a part of it")]
#[path = "support/program.rs"]
mod program;

use case::check;
use program::Program;

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\n";

#[test]
fn a_yaml_and_streams() {
    check("faults", "a");
}

#[test]
fn b_shapes_of_kubernetes() {
    check("faults", "b");
}

#[test]
fn c_references() {
    check("faults", "c");
}

#[test]
fn d_files_and_roots() {
    check("faults", "d");
}

#[test]
fn f_certificates_and_sealing() {
    check("faults", "f");
}

#[test]
fn g_sops_and_age() {
    check("faults", "g");
}

#[test]
fn h_process_and_host() {
    check("faults", "h");
}

#[test]
fn i_hosts() {
    check("faults", "i");
}

#[test]
fn j_ourselves() {
    check("faults", "j");
}

fn alias_bomb(levels: usize, each: usize) -> String {
    let mut text = format!("{SECRET}a0: &a0 [x]\n");
    for level in 1..levels {
        let aliases = vec![format!("*a{}", level - 1); each].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    text
}

#[test]
fn a03_an_alias_bomb() {
    Program::refuses(&alias_bomb(10, 9), "aliases expand too far");
}

#[test]
fn a04_an_alias_bomb_below_naive_limits() {
    Program::refuses(&alias_bomb(7, 14), "aliases expand too far");
}

#[test]
fn a06_dashes_in_dashes() {
    Program::refuses(&format!("{SECRET}x:\n{}1\n", "- ".repeat(20_000)), "nested too deeply");
}

#[test]
fn a07_brackets() {
    for count in [100_000, 400_000] {
        let (code, stdout, stderr) = Program::render(&format!("{SECRET}x: {}", "[".repeat(count)));
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert_eq!(stderr.lines().count(), 2, "{stderr}");
    }
    let closed = format!("{SECRET}x: {}{}\n", "[".repeat(20_000), "]".repeat(20_000));
    Program::refuses(&closed, "nested too deeply");
}

#[test]
fn a08_maps_in_maps() {
    let deep = (0..3000).fold(String::new(), |deep, level| deep + &" ".repeat(level) + "a:\n");
    Program::refuses(&format!("{SECRET}{deep}"), "nested too deeply");
}

#[test]
fn a09_a_scalar_larger_than_anything_stored() {
    Program::refuses(&format!("{SECRET}stringData: {{a: {}}}\n", "x".repeat(65 << 20)), "a scalar is too large");
}

#[test]
fn a10_large_and_legitimate() {
    let mut keys = format!("{CONFIG_MAP}data:\n  a: Secret\n");
    (0..300_000).for_each(|number| keys.push_str(&format!("  key-{number}: value\n")));
    let documents = format!("---\n{CONFIG_MAP}").repeat(1200);
    let line = format!("  description: {}\n", "x".repeat(100));
    let definitions =
        format!("---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n{line}");
    let definitions = definitions.repeat((20 << 20) / definitions.len());
    for stream in [keys, documents, definitions] {
        let (code, stdout, stderr) = Program::render(&stream);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout == stream, "it is not what came in");
    }
}

#[test]
fn a11_a_stream_over_the_limit() {
    let output = Program::new().shell("sealref render -", format!("{CONFIG_MAP}#").repeat(2 << 20).as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{stderr}");
    assert!(stderr.contains("100 MiB") && stderr.contains("\nhint: "), "{stderr}");
}

#[test]
fn a24_brackets_in_json() {
    let (code, stdout, stderr) = Program::render(&format!("{{\"kind\": \"Secret\", \"x\": {}", "[".repeat(200_000)));
    assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
}

/// A stream that ends early is refused, or holds everything that stood before its end.
#[test]
fn a27_a_stream_cut_anywhere() {
    let object = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n");
    let yaml =
        format!("{}---\n{SECRET}stringData: {{a: \"ref+generate://uuid\"}}\n---\n{}", object("one"), object("two"));
    let json = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "a"}, "stringData": {"a": "ref+generate://uuid"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}},
    ]})
    .to_string();
    for length in 1..yaml.len() {
        let part = &yaml[..length];
        let (code, stdout, stderr) = Program::render(part);
        match code {
            Some(0) => {
                let whole = |name: &str| part.contains(&object(name)) && !stdout.contains(&object(name));
                assert!(!whole("one") && !whole("two"), "{length}: {stdout}");
                let planned = part.contains("uuid\"}") && !stdout.contains("kind: ExternalSecret");
                assert!(!planned && !stdout.contains("ref+generate://uuid"), "{length}: {stdout}");
            }
            code => assert_eq!((code, stdout.as_str()), (Some(1), ""), "{length}: {stderr}"),
        }
    }
    for length in 1..json.len() {
        let (code, stdout, stderr) = Program::render(&json[..length]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{length}: {stderr}");
    }
}

#[test]
fn a32_one_long_line_and_many_short_ones() {
    let long = format!("{CONFIG_MAP}data: {{a: {}}}", "x".repeat(1 << 20));
    let short = format!("{CONFIG_MAP}{}", "#\n".repeat(1_000_000));
    for stream in [long, short] {
        let (code, stdout, stderr) = Program::render(&stream);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(stdout == stream, "it is not what came in");
    }
}

#[test]
fn b04_annotations_that_the_api_server_refuses() {
    let note = "x".repeat(300 << 10);
    let hook = format!("annotations: {{helm.sh/resource-policy: {note}}}}}");
    let secret = SECRET.replace("namespace: b}", &format!("namespace: b, {hook}"));
    Program::refuses(
        &format!("{secret}stringData: {{a: \"ref+generate://uuid\"}}\n"),
        "larger than the API server takes",
    );
}

/// Seals one file of so many bytes.
fn seal_file(length: u64) -> (Option<i32>, String) {
    let program = Program::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing/certificates");
    std::fs::copy(root.join("test-only-rsa-2048.pem"), program.folder().join("cert.pem")).unwrap();
    // Sparse: a file of a TiB takes no place.
    std::fs::File::create(program.folder().join("v")).unwrap().set_len(length).unwrap();
    let line = "sealref render - --certificate cert.pem --randomised";
    let output = program.shell(line, format!("{SECRET}stringData: {{a: \"ref+file://v\"}}\n").as_bytes());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.stdout.is_empty(), output.status.code() != Some(0), "{stderr}");
    (output.status.code(), stderr)
}

#[test]
fn b05_c16_f16_a_value_as_large_as_a_secret_may_be() {
    assert_eq!(seal_file(1 << 20), (Some(0), String::new()));
    let (code, stderr) = seal_file((1 << 20) + 1);
    assert!(
        code == Some(1) && stderr.contains("larger than a Secret may be") && stderr.contains("\nhint: "),
        "{stderr}"
    );
}

#[test]
fn d08_files_over_the_limit() {
    for length in [(5 << 20) + 1, 1 << 40] {
        let (code, stderr) = seal_file(length);
        assert!(code == Some(1) && stderr.contains("5 MiB"), "{stderr}");
    }
}

#[test]
fn b05_values_that_are_too_large_together() {
    let program = Program::new();
    let values = "x".repeat(600 << 10);
    std::fs::write(program.folder().join("v"), values).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealing/certificates");
    std::fs::copy(root.join("test-only-rsa-2048.pem"), program.folder().join("cert.pem")).unwrap();
    let secret = format!("{SECRET}stringData: {{a: \"ref+file://v\", b: \"ref+file://v\"}}\n");
    let output = program.shell("sealref render - --certificate cert.pem --randomised", secret.as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("larger than a Secret may be"), "{stderr}");
}

#[test]
fn c11_ten_thousand_references() {
    let mut stream = format!("{SECRET}stringData:\n");
    (0..10_000).for_each(|number| stream.push_str(&format!("  k{number}: ref+vault://kv/app/{number}#/password\n")));
    let program = Program::new();
    let settings = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec: {stores: [{match: {scheme: vault}, use: {kind: SecretStore, name: vault}}]}\n";
    std::fs::write(program.folder().join(".sealref.yaml"), settings).unwrap();
    let output = program.shell("sealref render -", stream.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let made = String::from_utf8(output.stdout).unwrap();
    assert_eq!(made.matches("- secretKey: k").count(), 10_000);
}

#[test]
fn c11_errors_beyond_twenty_are_counted() {
    let mut stream = format!("{SECRET}stringData:\n");
    (0..50).for_each(|number| stream.push_str(&format!("  k{number}: ref+vualt://kv/app#/password\n")));
    let (code, stdout, stderr) = Program::render(&stream);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert_eq!((stderr.matches("error: ").count(), stderr.lines().last()), (20, Some("and 30 more")));
}

#[test]
fn d05_a_pipe_is_no_file() {
    let program = Program::new();
    let secret = format!("{SECRET}stringData: {{a: \"ref+file://pipe\"}}\n");
    let line = "mkfifo pipe && sealref render - --randomised --certificate cert.pem";
    let output = program.shell(line, secret.as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("not a regular file"), "{stderr}");
}

#[test]
fn f11_a_certificate_of_ten_megabytes() {
    let program = Program::new();
    std::fs::write(program.folder().join("cert.pem"), "x".repeat(10 << 20)).unwrap();
    let secret = format!("{SECRET}stringData: {{a: \"ref+env://A\"}}\n");
    let output =
        program.shell("A=1 sealref render - --certificate cert.pem --randomised --allow-env A", secret.as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("1 MiB"), "{stderr}");
}

#[test]
fn h01_a_reader_that_has_gone() {
    let stream = format!("---\n{CONFIG_MAP}").repeat(20_000);
    let line = "{ sealref render -; echo $? >code; } | head -c 1 >first";
    let program = Program::new();
    let output = program.shell(line, stream.as_bytes());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(std::fs::read_to_string(program.folder().join("code")).unwrap(), "141\n");
}

#[test]
fn h02_a_full_disk() {
    let output = Program::new().shell("sealref render - >/dev/full", CONFIG_MAP.as_bytes());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("\nhint: "), "{stderr}");
}

#[test]
fn h04_standard_input_that_is_closed_or_a_folder() {
    for line in ["sealref render - <&-", "sealref render - <."] {
        let output = Program::new().shell(line, b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{line}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains("\nhint: "), "{line}: {stderr}");
    }
}

#[test]
fn h06_little_memory_and_few_files() {
    let stream = format!("{SECRET}stringData: {{a: \"ref+generate://uuid\"}}\n");
    for limit in ["ulimit -v 262144", "ulimit -v 140000", "ulimit -n 16", "ulimit -s 512", "RAYON_NUM_THREADS=1"] {
        let output = Program::new().shell(&format!("{limit}; sealref render -"), stream.as_bytes());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), stderr.as_ref()), (Some(0), ""), "{limit}");
    }
    let secret = |number| format!("---\n{}", stream.replace("name: a", &format!("name: a{number}")));
    let many: String = (0..2000).map(secret).collect();
    let output = Program::new().shell("ulimit -v 262144; sealref render -", many.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let line = "ulimit -v 140000; head -c 100000000 /dev/zero | sealref render -";
    let output = Program::new().shell(line, b"");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{stderr}");
    assert!(
        stderr.starts_with("error: \"stdin\" can't be read: not enough memory\nhint: give it more memory"),
        "{stderr}"
    );
}

#[test]
fn h07_no_place_for_temporary_files() {
    let output = Program::new().shell("TMPDIR=/nowhere sealref render -", CONFIG_MAP.as_bytes());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn h09_many_at_once() {
    let program = Program::new();
    std::fs::write(program.folder().join("in.yaml"), CONFIG_MAP).unwrap();
    let line = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sealref render in.yaml -o out.yaml & done; wait";
    let output = program.shell(line, b"");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(std::fs::read_to_string(program.folder().join("out.yaml")).unwrap(), CONFIG_MAP);
    let left = std::fs::read_dir(program.folder()).unwrap().count();
    assert_eq!(left, 2, "something was left behind");
}

/// A build that fails has printed nothing, or a part of it: that is told, or it is whole as far as it goes.
#[test]
fn i03_a_build_that_fails_in_front_of_the_pipe() {
    for (printed, code) in [
        ("", 1),
        ("\n---\n", 1),
        ("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: b}\nstringData: {a: \"ref+gener", 1),
        ("{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [", 1),
    ] {
        let line = format!("{{ printf '%s' '{printed}'; false; }} | sealref render -");
        let output = Program::new().shell(&line, b"");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{printed:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains("\nhint: "), "{printed:?}: {stderr}");
    }
}

#[test]
fn i04_two_thousand_manifests_of_thirty_mebibytes() {
    let object = |number: usize| {
        let name = format!("{}---\n", CONFIG_MAP.replace("name: a", &format!("name: a{number}")));
        name.replace("---", &format!("data: {{a: {}}}\n---", "x".repeat(16 << 10)))
    };
    let mut stream: String = (0..2000).map(object).collect();
    stream.push_str(&format!("{SECRET}stringData: {{a: \"ref+generate://uuid\"}}\n"));
    assert!(stream.len() > 30 << 20);
    let (code, stdout, stderr) = Program::render(&stream);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout.matches("\nkind: ConfigMap\n").count(), 2000);
    assert!(stdout.contains("kind: ExternalSecret") && !stdout.contains("kind: Secret\n"));
}

/// A hundred runs, in other languages, with other numbers of threads, in folders whose files were made in another order.
#[test]
fn j01_a_hundred_runs_give_the_same_bytes() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = std::collections::BTreeSet::new();
    for run in 0..100 {
        let program = Program::new();
        let put = |name: &str, bytes: &[u8]| std::fs::write(program.folder().join(name), bytes).unwrap();
        put(
            "cert.pem",
            &std::fs::read(root.join("tests/vectors/sealing/certificates/test-only-rsa-2048.pem")).unwrap(),
        );
        put("key", &[7; 32]);
        std::fs::create_dir(program.folder().join("in")).unwrap();
        put("in/v", b"value");
        for number in 0..6 {
            let number = (number * 5 + run) % 6;
            let secret = SECRET.replace("name: a", &format!("name: a{number}"));
            let data = "stringData: {a: \"ref+file://v\", b: \"x ref+file://v\"}";
            put(&format!("in/{number}.yaml"), format!("{secret}{data}\n").as_bytes());
        }
        let (threads, language) = (1 + run % 5, ["C", "tr_TR.UTF-8", "de_DE"][run % 3]);
        let line = format!(
            "export RAYON_NUM_THREADS={threads} LC_ALL={language} TZ=Asia/Kathmandu; \
             sealref render in --certificate cert.pem --sealing-key key"
        );
        let output = program.shell(&line, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        seen.insert(output.stdout);
    }
    assert_eq!(seen.len(), 1);
}
