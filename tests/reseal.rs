//! `sealref reseal`: what the real kubeseal has sealed comes out for another certificate, and the real kubeseal opens it;
//! or nothing changes.

#![allow(dead_code, reason = "each test needs a part of it")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

#[path = "support/controller.rs"]
mod controller;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
mod program;

use program::Program;

const SCOPES: [&str; 3] = ["strict", "namespace-wide", "cluster-wide"];
const NEW: &str = "--certificate new.pem";

/// A folder of SealedSecrets by kubeseal for the old certificate (RSA-2048), with comments; the new one is RSA-3072.
fn repository() -> Option<Program> {
    let program = Program::new();
    let at = |name: &str| program.folder().join(name);
    fs::create_dir_all(at("apps/deep")).unwrap();
    fs::copy(controller::file("3072.pem"), at("new.pem")).unwrap();
    fs::copy(controller::file("2048.key.pem"), at("old.key")).unwrap();
    fs::copy(controller::file("3072.key.pem"), at("new.key")).unwrap();
    for scope in SCOPES {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": format!("db-{scope}"), "namespace": "shop", "labels": {"app": "db"}},
            "stringData": {"password": "s3cret", "user": "s3cret-user", "long": "s3cret\n".repeat(100)},
        });
        let sealed = controller::seal(&secret, scope, "2048")?;
        let noted = sealed.replace("  encryptedData:\n", "  encryptedData: # sealed\n    # the first\n");
        assert_ne!(noted, sealed);
        let other = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a,   namespace: shop} # kept\n---\n";
        fs::write(at(&format!("apps/deep/{scope}.yaml")), format!("# {scope}\n---\n{other}{noted}")).unwrap();
    }
    fs::write(at("apps/values.yaml"), "# no SealedSecret: here\nimage: {tag: 1}\n").unwrap();
    Some(program)
}

fn files(program: &Program) -> Vec<(String, String)> {
    let file = |scope: &str| format!("apps/deep/{scope}.yaml");
    SCOPES.map(file).map(|name| (name.clone(), fs::read_to_string(program.folder().join(name)).unwrap())).to_vec()
}

fn reseal(program: &Program, arguments: &str) -> (Option<i32>, String, String) {
    let output = program.shell(&format!("sealref reseal {arguments}"), b"");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(!stdout.contains("s3cret") && !stderr.contains("s3cret"), "{stderr}");
    (output.status.code(), stdout, stderr)
}

/// The SealedSecret behind the ConfigMap.
fn sealed(file: &str) -> &str {
    file.rsplit_once("---\n").unwrap().1
}

/// Lines that differ; there are as many as before.
fn changed<'t>(old: &'t str, new: &'t str) -> Vec<&'t str> {
    assert_eq!(old.lines().count(), new.lines().count());
    old.lines().zip(new.lines()).filter(|(old, new)| old != new).map(|(_, new)| new).collect()
}

#[test]
fn kubeseal_opens_what_was_sealed_anew() {
    let Some(program) = repository() else { return };
    let before = files(&program);
    let (code, told, _) = reseal(&program, &format!("apps --check {NEW} --danger-private-key old.key"));
    assert_eq!((code, files(&program) == before), (Some(1), true), "{told}");
    assert!(told.ends_with("to be sealed anew: 9; sealed for the certificate already: 0\n"), "{told}");
    let (code, told, errors) = reseal(&program, &format!("apps {NEW} --danger-private-key old.key"));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    let after = files(&program);
    for ((name, old), (_, new)) in before.iter().zip(&after) {
        let lines = changed(old, new);
        assert_eq!(lines.len(), 3, "{name}: a line for each value: {lines:?}");
        assert_eq!(controller::open(sealed(new), "2048"), None, "{name}");
        let values = controller::open(sealed(new), "3072").unwrap_or_else(|| panic!("{name} does not open"));
        assert_eq!(values, controller::open(sealed(old), "2048").unwrap());
        assert_eq!(values["password"], "czNjcmV0");
    }
    // The same again: the same bytes; with all keys: nothing to do
    for (name, text) in &before {
        fs::write(program.folder().join(name), text).unwrap();
    }
    assert_eq!(reseal(&program, &format!("apps {NEW} --danger-private-key old.key")).0, Some(0));
    assert!(files(&program) == after, "the ciphertexts follow from what is sealed");
    let both = format!("apps {NEW} --danger-private-key old.key --danger-private-key new.key");
    let (code, told, _) = reseal(&program, &format!("--check {both}"));
    assert_eq!(code, Some(0), "{told}");
    assert!(told.ends_with("to be sealed anew: 0; sealed for the certificate already: 9\n"), "{told}");
    // With a sealing key of ours they follow from it, as those of `seal` do
    for (name, text) in &before {
        fs::write(program.folder().join(name), text).unwrap();
    }
    fs::write(program.folder().join("own.key"), [7; 32]).unwrap();
    assert_eq!(reseal(&program, &format!("{both} --sealing-key own.key")).0, Some(0));
    let line = |file: &str| file.lines().find(|line| line.contains("password: ")).unwrap().trim().to_owned();
    let text = files(&program);
    let arguments = "seal db-strict -n shop --from-literal password=s3cret --certificate new.pem --sealing-key own.key";
    let own = program.shell(&format!("sealref {arguments}"), b"");
    assert!(String::from_utf8(own.stdout).unwrap().contains(&line(&text[0].1)));
}

#[test]
fn one_value_that_does_not_open_changes_nothing() {
    let Some(program) = repository() else { return };
    let path = program.folder().join("apps/deep/strict.yaml");
    let text = fs::read_to_string(&path).unwrap();
    // Under another name nothing of it opens
    fs::write(&path, text.replace("  name: db-strict\n  namespace", "  name: other\n  namespace")).unwrap();
    let before = files(&program);
    for more in ["", "--check"] {
        let (code, told, errors) = reseal(&program, &format!("apps {more} {NEW} --danger-private-key old.key"));
        assert_eq!((code, told.as_str()), (Some(1), ""));
        for key in ["long", "password", "user"] {
            let place = format!("SealedSecret shop/other, spec.encryptedData.{key}: no private key opens the value");
            assert!(errors.contains(&place), "{errors}");
        }
        assert!(files(&program) == before);
    }
}

#[test]
fn what_cannot_be_written_or_read_changes_nothing() {
    let Some(program) = repository() else { return };
    let before = files(&program);
    let path = |name: &str| program.folder().join(name);
    let refused = |operands: &str, words: &str| {
        let (code, told, errors) = reseal(&program, &format!("{operands} {NEW} --danger-private-key old.key"));
        assert_eq!((code, told.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(words) && errors.contains("hint: "), "expected {words:?}, found {errors}");
        assert!(files(&program) == before);
        let count = fs::read_dir(path("apps/deep")).unwrap().count();
        assert_eq!(count, 3, "no temporary file is left");
    };
    fs::set_permissions(path("apps/deep/strict.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    refused("apps", "is read-only");
    fs::set_permissions(path("apps/deep/strict.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path("apps/broken.yaml"), "kind: SealedSecret\n  a: [\n").unwrap();
    refused("apps", "broken.yaml:");
    fs::write(path("apps/broken.yaml"), "kind: SealedSecret\n\u{0}\n").unwrap();
    refused("apps", "broken.yaml");
    fs::remove_file(path("apps/broken.yaml")).unwrap();
    let old =
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: b}\nspec: {data: AAAA}\n";
    fs::write(path("old.yaml"), old).unwrap();
    refused("apps old.yaml", "the whole Secret is one ciphertext (spec.data)");
    fs::write(path("old.yaml"), old.replace(", namespace: b", "")).unwrap();
    fs::create_dir(path("elsewhere")).unwrap();
    fs::write(path("elsewhere/a.yaml"), &before[0].1).unwrap();
    symlink("../elsewhere/a.yaml", path("apps/link.yaml")).unwrap();
    refused("apps", "is a link that leaves the folder");
    fs::remove_file(path("apps/link.yaml")).unwrap();
    refused("apps absent.yaml", "\"absent.yaml\" can't be opened");
    fs::write(path("empty"), "").unwrap();
    let (code, _, errors) = reseal(&program, &format!("apps {NEW} --danger-private-key empty"));
    assert_eq!(code, Some(1), "{errors}");
    // Two names of one file are one file
    symlink("deep/strict.yaml", path("apps/also.yaml")).unwrap();
    let (code, told, errors) = reseal(&program, &format!("apps {NEW} --danger-private-key old.key"));
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.ends_with("sealed anew: 9; sealed for the certificate already: 0\n"), "{told}");
    assert!(fs::symlink_metadata(path("apps/also.yaml")).unwrap().is_symlink());
}

/// The second of three files cannot take its name: the first gets back what it had. A disk that is full is noticed before.
#[test]
fn a_rename_that_fails_takes_back_those_before_it() {
    let Some(program) = repository() else { return };
    let Some(strace) = peers::peer("strace") else { return };
    let before = files(&program);
    let table = [
        ("rename,renameat,renameat2:error=EIO:when=2", "can't be written"),
        ("fsync,fdatasync:error=ENOSPC:when=3", "can't be written: no space left on the device"),
    ];
    for (fails, words) in table {
        let arguments = format!("reseal apps {NEW} --danger-private-key old.key");
        let line =
            format!("{} -f -qq -o /dev/null -e inject={fails} {} {arguments}", strace.display(), program::SEALREF);
        let output = program.shell(&line, b"");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words), "{told}");
        assert!(files(&program) == before);
        assert_eq!(fs::read_dir(program.folder().join("apps/deep")).unwrap().count(), 3);
    }
}

#[test]
fn objects_of_every_syntax_are_sealed_anew() {
    let Some(program) = repository() else { return };
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"a": "s3cret"}});
    let yaml = controller::seal(&secret, "cluster-wide", "2048").unwrap();
    let ciphertext = yaml.lines().find_map(|line| line.trim().strip_prefix("a: ")).unwrap();
    let (head, tail) = ciphertext.split_at(100);
    let object = json!({
        "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": {"name": "db", "annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}},
        "spec": {"encryptedData": {"a": ciphertext}},
    });
    let block = format!(
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: db\n  annotations: {{sealedsecrets.bitnami.com/cluster-wide: \"true\"}}\n\
         spec:\n  encryptedData:\n    a: |\n      {head}\n      {tail}\n    b: &b \"{ciphertext}\"\n    c: *b\n"
    );
    let list = format!("apiVersion: v1\nkind: List\nitems:\n- {object}\n");
    let texts = [
        ("a.json", serde_json::to_string_pretty(&object).unwrap()),
        ("list.yaml", list),
        ("block.yaml", block.clone()),
        ("crlf.yaml", block.replace('\n', "\r\n")),
    ];
    for (name, text) in texts {
        fs::write(program.folder().join(name), &text).unwrap();
        let (code, _, errors) = reseal(&program, &format!("{name} {NEW} --danger-private-key old.key"));
        assert_eq!(code, Some(0), "{name}: {errors}");
        let new = fs::read_to_string(program.folder().join(name)).unwrap();
        assert!(!new.contains(tail), "{name}: {new}");
        assert_eq!(new.contains("\r\n"), text.contains("\r\n"), "{name}");
        let one = if name == "list.yaml" { new.lines().last().unwrap()[2..].to_owned() } else { new };
        let values = controller::open(&one, "3072").unwrap_or_else(|| panic!("{name} does not open: {one}"));
        assert!(values.as_object().unwrap().values().all(|value| value == "czNjcmV0"), "{name}");
    }
}
