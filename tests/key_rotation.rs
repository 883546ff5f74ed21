//! The sealing key is replaced in two phases, and each changes only the lines that it must.

#![allow(dead_code, reason = "each test needs a part of it")]

use std::fs;

#[path = "support/program.rs"]
mod program;

use program::Program;

const STREAM: &str = r"apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData:
  user: ref+file://user
  password: ref+file://password
---
apiVersion: v1
kind: Secret
metadata: {name: api, namespace: shop}
stringData:
  token: ref+file://token
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    spec:
      containers:
      - name: web
        envFrom: [{secretRef: {name: db}}, {secretRef: {name: api}}]
";

struct Repository(Program);

impl Repository {
    fn new() -> Self {
        let program = Program::new();
        let certificate =
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sealing/certificates/test-only-rsa-2048.pem");
        fs::copy(certificate, program.folder().join("cert.pem")).unwrap();
        for (name, text) in
            [("user", "s3cret-user"), ("password", "s3cret"), ("token", "s3cret-token"), ("in.yaml", STREAM)]
        {
            fs::write(program.folder().join(name), text).unwrap();
        }
        let age = "-r age1cy0su9fwf3gf9mw868g5yut09p6nytfmmnktexz2ya5uqg9vl9sss4euqm";
        fs::write(
            program.folder().join("id.txt"),
            "AGE-SECRET-KEY-184JMZMVQH3E6U0PSL869004Y3U2NYV7R30EU99CSEDNPH02YUVFSZW44VU\n",
        )
        .unwrap();
        for name in ["old.age", "new.age"] {
            let made = program.shell(&format!("sealref keys new {age} -o {name}"), b"");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        Self(program)
    }

    /// What `render` makes of the stream with these keys and this reload.
    fn render(&self, keys: &str, reload: &str) -> (Option<i32>, String, String) {
        let settings = format!(
            "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\nspec:\n  targets: {{file: SealedSecret}}\n  \
             sealing: {{certificate: cert.pem, {keys}}}\n{reload}"
        );
        fs::write(self.0.folder().join(".sealref.yaml"), settings).unwrap();
        let output = self.0.shell("sealref render in.yaml --identity id.txt", b"");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    fn rendered(&self, keys: &str, reload: &str) -> String {
        let (code, text, told) = self.render(keys, reload);
        assert_eq!((code, told.as_str()), (Some(0), ""));
        text
    }
}

/// The keys of the lines that differ, in order.
fn changed(old: &str, new: &str) -> Vec<String> {
    assert_eq!(old.lines().count(), new.lines().count());
    let lines = old.lines().zip(new.lines()).filter(|(old, new)| old != new);
    lines.map(|(old, _)| old.trim().split(": ").next().unwrap().to_owned()).collect()
}

const OLD: &str = "key: {age: old.age}";
const BOTH: &str = "key: {age: new.age}, previousKey: {age: old.age}";
const NEW: &str = "key: {age: new.age}";
/// A mark beside each object, and a line for each value.
const SEALS: [&str; 5] = ["sealref.dev/sealed-with", "password", "user", "sealref.dev/sealed-with", "token"];

#[test]
fn without_marks_the_second_phase_changes_nothing() {
    let repository = Repository::new();
    let [old, both, new] = [OLD, BOTH, NEW].map(|keys| repository.rendered(keys, ""));
    assert_eq!(changed(&old, &both), SEALS);
    assert_eq!(changed(&both, &new), [""; 0]);
}

#[test]
fn a_checksum_changes_in_the_second_phase_alone() {
    let repository = Repository::new();
    let reload = "  reload: {controller: Checksum, when: Always}\n";
    let [old, both, new] = [OLD, BOTH, NEW].map(|keys| repository.rendered(keys, reload));
    assert_eq!(changed(&old, &both), SEALS, "nothing restarts");
    assert_eq!(changed(&both, &new), ["sealref.dev/checksum"], "it restarts once, when somebody wants it to");
}

#[test]
fn a_suffix_changes_in_the_second_phase_alone() {
    let repository = Repository::new();
    let reload = "  reload: {controller: Suffix, when: Always}\n";
    let [old, both, new] = [OLD, BOTH, NEW].map(|keys| repository.rendered(keys, reload));
    assert_eq!(changed(&old, &both), SEALS, "no name changes");
    let second = changed(&both, &new);
    assert_eq!(second.iter().filter(|line| *line == "name").count(), 2, "{second:?}");
    // What was there before and what is there in between have the same names
    let names = |text: &str| {
        text.lines().filter(|line| line.trim().starts_with("name: ")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&old), names(&both));
    assert_ne!(names(&both), names(&new));
}

#[test]
fn a_rotation_that_is_none_is_refused() {
    let repository = Repository::new();
    let table = [
        ("previousKey: {age: old.age}", "previousKey is given without a key that replaces it"),
        ("key: FromSops, previousKey: {age: old.age}", "previousKey is given without a key that replaces it"),
        ("key: {age: new.age}, previousKey: FromSops", "previousKey is FromSops, which is no key of its own"),
        ("key: {age: new.age}, previousKey: {age: new.age}", "previousKey is the key itself"),
    ];
    for (keys, words) in table {
        let (code, text, told) = repository.render(keys, "");
        assert_eq!((code, text.as_str()), (Some(1), ""), "{keys}");
        assert!(told.contains(words) && told.contains("hint: "), "{keys}: {told}");
    }
}
