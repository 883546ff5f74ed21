//! `sealref reseal`: for whom it seals, what it looks at, and that it loses nothing of others.

#![allow(dead_code, reason = "each test needs a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

#[path = "support/controller.rs"]
mod controller;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/program.rs"]
mod program;

use program::Program;

const OLD: &str = "--danger-private-key 2048.key";

/// A folder with three certificates and their keys: 2048 the old one, 3072 the new one, 4096 that of somebody else.
struct Folder(Program);

impl Folder {
    fn new() -> Self {
        let program = Program::new();
        for bits in ["2048", "3072", "4096"] {
            fs::copy(controller::file(&format!("{bits}.pem")), program.folder().join(format!("{bits}.pem"))).unwrap();
            let key = controller::file(&format!("{bits}.key.pem"));
            fs::copy(key, program.folder().join(format!("{bits}.key"))).unwrap();
        }
        Self(program)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.folder().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn run(&self, line: &str) -> (Option<i32>, String, String) {
        let output = self.0.shell(line, b"");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stdout.contains("s3cret") && !stderr.contains("s3cret"), "{stderr}");
        (output.status.code(), stdout, stderr)
    }

    /// A SealedSecret by our own `seal`, as a text.
    fn sealed(&self, name: &str, bits: &str) -> String {
        let (code, text, told) = self
            .run(&format!("sealref seal {name} -n shop --from-literal a=s3cret --randomised --certificate {bits}.pem"));
        assert_eq!(code, Some(0), "{told}");
        text
    }

    fn settings(&self, name: &str, spec: &str) {
        let head = "apiVersion: sealref.dev/v1alpha1\nkind: SecretTransform\n";
        self.write(name, &format!("{head}spec: {spec}\n"));
    }

    /// It is refused with these words, and this file stays.
    fn refused(&self, line: &str, words: &str, file: &str) {
        let before = self.read(file);
        let (code, told, errors) = self.run(line);
        assert_eq!((code, told.as_str()), (Some(1), ""), "{line}: {errors}");
        assert!(errors.contains(words) && errors.contains("hint: "), "{line}: expected {words:?}, found {errors}");
        assert_eq!(self.read(file), before, "{line}");
    }
}

#[test]
fn an_annotation_excuses_only_what_no_given_key_could_open() {
    let folder = Folder::new();
    let new = "--certificate 3072.pem --randomised";
    let moved = folder.sealed("db", "3072").replace("name: db", "name: other");
    folder.write("db.yaml", &moved);
    let (code, told, errors) = folder.run(&format!("sealref reseal db.yaml {OLD} {new}"));
    assert_eq!(code, Some(0), "{errors}");
    let count = "db.yaml: 0 anew, 0 kept, 1 by their annotation only\n\
                 sealed anew: 0; sealed for the certificate already: 0, and 1 by their annotation only\n";
    assert!(told.ends_with(count), "{told}");
    // The key of the certificate is there, and does not open it
    let closed = "shop/other, spec.encryptedData.a: no private key opens the value";
    for more in ["", "--check"] {
        let line = format!("sealref reseal db.yaml {more} {OLD} --danger-private-key 3072.key {new}");
        folder.refused(&line, closed, "db.yaml");
    }
    // What has another length was sealed for another certificate, or is no ciphertext
    let ciphertext = |text: &str| text.split("a: ").last().unwrap().trim().to_owned();
    let other = ciphertext(&folder.sealed("other", "4096"));
    for wrong in [other.as_str(), "QUFBQQ==", "AYAA", ""] {
        folder.write("db.yaml", &moved.replace(&ciphertext(&moved), &format!("\"{}\"", wrong.trim_matches('"'))));
        folder.refused(&format!("sealref reseal db.yaml {OLD} {new}"), closed, "db.yaml");
    }
}

#[test]
fn one_run_seals_for_the_settings_of_one_place() {
    let folder = Folder::new();
    for name in ["one", "two"] {
        fs::create_dir_all(folder.path(&format!("{name}/.git"))).unwrap();
        folder.write(&format!("{name}/db.yaml"), &folder.sealed("db", "2048"));
    }
    folder.settings("one/.sealref.yaml", "{sealing: {certificate: new.pem, randomised: true}}");
    folder.settings("two/.sealref.yaml", "{sealing: {certificate: new.pem, randomised: true}}");
    fs::copy(folder.path("3072.pem"), folder.path("one/new.pem")).unwrap();
    fs::copy(folder.path("4096.pem"), folder.path("two/new.pem")).unwrap();
    let words = "two/db.yaml: other settings are nearest to this file than to the first operand";
    folder.refused(&format!("sealref reseal one two {OLD}"), words, "one/db.yaml");
    folder.refused(&format!("sealref reseal one/db.yaml two/db.yaml {OLD} --check"), words, "two/db.yaml");
    // Settings in a folder of the same repository
    folder.settings("one/deep/.sealref.yaml", "{sealing: {certificate: ../new.pem}}");
    folder.write("one/deep/db.yaml", &folder.sealed("db", "2048"));
    folder.refused(&format!("sealref reseal one {OLD}"), "one/deep/db.yaml: other settings", "one/db.yaml");
    // Whoever names the certificate, or the settings, has judged for all
    let (code, told, errors) = folder.run(&format!("sealref reseal one two {OLD} --certificate 3072.pem"));
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.ends_with("sealed anew: 3; sealed for the certificate already: 0\n"), "{told}");
    let both = format!("{OLD} --danger-private-key 3072.key --config one/.sealref.yaml");
    let (code, told, errors) = folder.run(&format!("sealref reseal two one {both}"));
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{told}");
    assert!(told.ends_with("sealed anew: 0; sealed for the certificate already: 3\n"), "{told}");
}

#[test]
fn keys_of_another_cluster_open_nothing_for_this_one() {
    let folder = Folder::new();
    let clusters = "{prod: {certificate: 3072.pem}, dev: {certificate: 4096.pem}}";
    let spec =
        format!("{{clusters: {clusters}, environments: {{live: {{cluster: prod}}}}, sealing: {{randomised: true}}}}");
    folder.settings(".sealref.yaml", &spec);
    folder.write("dev.yaml", &folder.sealed("db", "4096"));
    folder.write("prod.yaml", &folder.sealed("db", "2048"));
    let all = format!("{OLD} --danger-private-key 3072.key --danger-private-key 4096.key");
    let words = "4096.pem: the private key 4096.key is for another certificate: cluster dev";
    folder.refused(&format!("sealref reseal . -e live {all}"), words, "dev.yaml");
    // Without it nothing opens what is of the other cluster
    let some = format!("{OLD} --danger-private-key 3072.key");
    folder.refused(&format!("sealref reseal . -e live {some}"), "dev.yaml:11 SealedSecret shop/db", "prod.yaml");
    let (code, told, errors) = folder.run(&format!("sealref reseal prod.yaml -e live {some}"));
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.starts_with("certificate  3072.pem\nfingerprint  sha256:") && told.contains("1 anew"), "{told}");
    assert!(controller_opens(&folder, "prod.yaml", "3072.key"));
    // A move from cluster to cluster is said
    let (code, _, errors) = folder.run(&format!("sealref reseal dev.yaml {all} --certificate 3072.pem"));
    assert_eq!(code, Some(0), "{errors}");
    assert!(controller_opens(&folder, "dev.yaml", "3072.key"));
}

fn controller_opens(folder: &Folder, file: &str, key: &str) -> bool {
    folder.run(&format!("sealref keys verify {file} --danger-private-key {key}")).0 == Some(0)
}

#[test]
fn a_file_more_than_there_are_handles_is_sealed_anew() {
    let folder = Folder::new();
    let text = folder.sealed("db", "2048");
    for number in 0..60 {
        folder.write(&format!("apps/{number}.yaml"), &text);
    }
    let (code, told, errors) =
        folder.run(&format!("ulimit -n 40; sealref reseal apps {OLD} --certificate 3072.pem --randomised"));
    assert_eq!(code, Some(0), "{errors}");
    assert!(told.ends_with("sealed anew: 60; sealed for the certificate already: 0\n"), "{told}");
    assert_eq!(fs::read_dir(folder.path("apps")).unwrap().count(), 60);
}

/// The link comes first by its name, and leads to another folder of the same operand.
#[test]
fn a_link_to_a_file_beneath_an_operand_is_that_file() {
    let folder = Folder::new();
    folder.write("apps/z/db.yaml", &folder.sealed("db", "2048"));
    fs::create_dir(folder.path("apps/a")).unwrap();
    symlink("../z/db.yaml", folder.path("apps/a/db.yaml")).unwrap();
    let with = format!("{OLD} --certificate 3072.pem --randomised");
    for operands in ["apps", "apps/a/db.yaml apps/z"] {
        folder.write("apps/z/db.yaml", &folder.sealed("db", "2048"));
        let (code, told, errors) = folder.run(&format!("sealref reseal {operands} {with}"));
        assert_eq!(code, Some(0), "{errors}");
        assert!(told.contains("\napps/z/db.yaml: 1 anew, 0 kept\nsealed anew: 1;"), "{told}");
        assert!(fs::symlink_metadata(folder.path("apps/a/db.yaml")).unwrap().is_symlink());
    }
    folder.write("apps/z/db.yaml", &folder.sealed("db", "2048"));
    folder.refused(&format!("sealref reseal apps/a {with}"), "is a link that leaves the folder", "apps/z/db.yaml");
}

#[test]
fn names_of_any_bytes_are_read_and_told_quietly() {
    let folder = Folder::new();
    let text = folder.sealed("db", "2048");
    let with = format!("{OLD} --certificate 3072.pem --randomised");
    for name in [&b"\xff.yaml"[..], b"a\x1b[31m\xe2\x80\xae##vso[x].YAML"] {
        let path = folder.path("apps").join(OsStr::from_bytes(name));
        fs::create_dir_all(folder.path("apps")).unwrap();
        fs::write(&path, &text).unwrap();
        let (code, told, errors) = folder.run(&format!("sealref reseal --check apps {with}"));
        assert_eq!(code, Some(1), "{errors}");
        assert!(!told.contains(['\u{1b}', '\u{202e}']) && !told.contains("##"), "{told}");
        let command = ["reseal", "--danger-private-key", "2048.key", "--certificate", "3072.pem", "--randomised"];
        let output = program::end(folder.0.command(&command).arg(&path), b"");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_ne!(fs::read_to_string(&path).unwrap(), text);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn every_key_of_a_file_opens() {
    let folder = Folder::new();
    folder.write("both.key", &(folder.read("4096.key") + &folder.read("2048.key")));
    folder.write("db.yaml", &folder.sealed("db", "2048"));
    let (code, told, errors) = folder.run("sealref keys verify db.yaml --danger-private-key both.key");
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(told, "both.key (key 1)  opens 0\nboth.key (key 2)  opens 1\n1 of 1 values open\n");
}

/// Somebody saves a file in the moment between the last look at it and its turn: strace holds the first rename up.
#[test]
fn what_somebody_saves_meanwhile_is_not_lost() {
    let folder = Folder::new();
    let Some(strace) = peers::peer("strace") else { return };
    for name in ["1", "2", "3"] {
        folder.write(&format!("{name}.yaml"), &folder.sealed("db", "2048"));
    }
    let before = ["1.yaml", "2.yaml"].map(|name| folder.read(name));
    let arguments = format!("reseal 1.yaml 2.yaml 3.yaml {OLD} --certificate 3072.pem --randomised");
    let slow = "inject=rename,renameat,renameat2:delay_exit=3000000:when=1";
    let line = format!("{} -f -qq -o /dev/null -e {slow} {} {arguments}", strace.display(), program::SEALREF);
    let saves = "while cmp -s 1.yaml 1.old; do sleep 0.05; done; echo '# mine' >> 3.yaml";
    let (code, told, errors) = folder.run(&format!("cp 1.yaml 1.old; ({saves}) & {line}"));
    assert_eq!((code, told.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("3.yaml\" has changed meanwhile"), "{errors}");
    assert_eq!(["1.yaml", "2.yaml"].map(|name| folder.read(name)), before);
    assert!(folder.read("3.yaml").ends_with("# mine\n"));
}

/// The folder's own entry cannot reach the disk: by then all are new, and that is said.
#[test]
fn what_is_new_and_may_be_lost_is_said() {
    let folder = Folder::new();
    let Some(strace) = peers::peer("strace") else { return };
    folder.write("db.yaml", &folder.sealed("db", "2048"));
    let before = folder.read("db.yaml");
    let arguments = format!("reseal db.yaml {OLD} --certificate 3072.pem --randomised");
    let fails = "inject=fsync,fdatasync:error=EIO:when=3";
    let line = format!("{} -f -qq -o /dev/null -e {fails} {} {arguments}", strace.display(), program::SEALREF);
    let (code, _, errors) = folder.run(&line);
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("all files are new, but a power cut may undo it"), "{errors}");
    assert_ne!(folder.read("db.yaml"), before);
}
