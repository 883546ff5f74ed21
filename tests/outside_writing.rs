//! Files that we write, folders that we list, and what the user names.

use std::{
    fs,
    io::Write,
    os::{
        fd::AsRawFd,
        unix::fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rustix::fs::{CWD, Mode, mkfifoat};
use sealref::outside::{
    files::{
        Kind, Privacy, Recursive, create_folder, kind, list, read_file, remove, resolve, write_atomically, write_new,
    },
    stdio,
};
use tempfile::TempDir;

const LIMIT: usize = 1 << 20;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// Read from /proc: asking the system call would change it for all tests.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    u32::from_str_radix(line.unwrap().trim(), 8).unwrap()
}

#[test]
fn a_new_file_is_whole_and_alone() {
    let folder = folder();
    let path = folder.path().join("out.yaml");
    write_atomically(&path, &["a: 1\n", "", "b: 2\n"], Privacy::Public).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a: 1\nb: 2\n");
    assert_eq!(mode(&path), 0o644 & !umask());
    assert_eq!(names(folder.path()), ["out.yaml"]);
}

#[test]
fn a_private_file_is_its_owners_alone() {
    let folder = folder();
    let (new, old) = (folder.path().join("new"), folder.path().join("old"));
    fs::write(&old, "old").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
    write_atomically(&new, &["x"], Privacy::Private).unwrap();
    write_atomically(&old, &["x"], Privacy::Private).unwrap();
    assert_eq!((mode(&new), mode(&old)), (0o600, 0o600));
}

#[test]
fn the_mode_and_owner_of_an_existing_file_are_kept() {
    let folder = folder();
    let path = folder.path().join("out.yaml");
    for mode_before in [0o600, 0o640, 0o664, 0o755] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode_before)).unwrap();
        let owner = std::os::unix::fs::chown(&path, Some(65534), Some(65534)).is_ok();
        write_atomically(&path, &["new"], Privacy::Public).unwrap();
        assert_eq!(mode(&path), mode_before);
        assert_eq!(fs::metadata(&path).unwrap().uid() == 65534, owner);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_file_in_a_folder_that_takes_no_files_stays_as_it_is_h2() {
    // Of all folders, /proc takes no new file even from root
    let path = Path::new("/proc/self/comm");
    let before = fs::read_to_string(path).unwrap();
    let problem = write_atomically(path, &["hunter2"], Privacy::Public).unwrap_err();
    assert!(problem.message().starts_with("\"/proc/self/comm\" can't be written: "), "{problem}");
    assert!(!problem.to_string().contains("hunter2"));
    assert_eq!(fs::read_to_string(path).unwrap(), before);
}

#[test]
fn a_read_only_folder_is_told_and_left_alone_h2() {
    let folder = folder();
    let path = folder.path().join("out.yaml");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.path().join("probe"), "").is_ok() {
        skipped("a_read_only_folder_is_told_and_left_alone_h2", "this user writes anywhere");
        return;
    }
    let problem = write_atomically(&path, &["new"], Privacy::Public).unwrap_err();
    assert!(problem.message().ends_with("permission denied"), "{problem}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn a_reader_sees_the_old_or_the_new_and_nothing_between() {
    let folder = folder();
    let path = folder.path().join("out");
    let (a, b) = ("a".repeat(300_000), "b".repeat(200_000));
    fs::write(&path, &a).unwrap();
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while !stop.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&path).unwrap();
                assert!(text == a || text == b, "{} bytes", text.len());
                seen += 1;
            }
            seen
        });
        for _ in 0..100 {
            write_atomically(&path, &[&b], Privacy::Public).unwrap();
            write_atomically(&path, &[&a[..100_000], &a[100_000..]], Privacy::Public).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen > 0);
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn a_link_out_of_its_folder_is_not_written_through() {
    let folder = folder();
    let (inside, outside) = (folder.path().join("in"), folder.path().join("theirs"));
    fs::create_dir(&inside).unwrap();
    fs::write(&outside, "theirs").unwrap();
    symlink("../theirs", inside.join("out.yaml")).unwrap();
    symlink("../missing", inside.join("dangling")).unwrap();
    let problem = write_atomically(&inside.join("out.yaml"), &["x"], Privacy::Public).unwrap_err();
    assert!(problem.message().ends_with("is a link that leaves its folder"), "{problem}");
    write_atomically(&inside.join("dangling"), &["x"], Privacy::Public).unwrap_err();
    assert_eq!(fs::read_to_string(&outside).unwrap(), "theirs");
    assert_eq!(names(folder.path()), ["in", "theirs"]);
    assert_eq!(names(&inside), ["dangling", "out.yaml"]);
}

#[test]
fn a_link_within_its_folder_stays_a_link() {
    let folder = folder();
    let (link, file) = (folder.path().join("link"), folder.path().join("file"));
    fs::write(&file, "old").unwrap();
    symlink("file", &link).unwrap();
    write_atomically(&link, &["new"], Privacy::Public).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
}

#[test]
fn devices_pipes_and_folders_are_not_replaced() {
    let folder = folder();
    let fifo = folder.path().join("fifo");
    mkfifoat(CWD, &fifo, Mode::RWXU).unwrap();
    let made = folder.path().join("folder");
    fs::create_dir(&made).unwrap();
    for path in [Path::new("/dev/full"), Path::new("/dev/null"), &fifo, &made] {
        let problem = write_atomically(path, &["x"], Privacy::Public).unwrap_err();
        assert!(problem.message().ends_with("is not a regular file"), "{problem}");
        assert!(fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()));
    }
}

#[test]
fn a_missing_folder_is_told_and_not_made() {
    let folder = folder();
    let path = folder.path().join("a/b");
    let problem = write_atomically(&path, &["x"], Privacy::Public).unwrap_err();
    assert!(problem.message().ends_with("no such file or folder"), "{problem}");
    assert!(names(folder.path()).is_empty());
    create_folder(&folder.path().join("a")).unwrap();
    create_folder(&folder.path().join("a")).unwrap();
    write_atomically(&path, &["x"], Privacy::Public).unwrap();
}

#[test]
fn a_new_file_never_replaces_one() {
    let folder = folder();
    let path = folder.path().join("key");
    write_new(&path, b"first", Privacy::Private).unwrap();
    assert_eq!(mode(&path), 0o600);
    symlink("nowhere", folder.path().join("dangling")).unwrap();
    for name in ["key", "dangling"] {
        let problem = write_new(&folder.path().join(name), b"x", Privacy::Private).unwrap_err();
        assert!(problem.message().ends_with("exists already"), "{problem}");
    }
    assert_eq!(fs::read(&path).unwrap(), b"first");
    assert_eq!(names(folder.path()), ["dangling", "key"]);
}

#[test]
fn a_file_is_removed_and_its_absence_is_fine() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "").unwrap();
    symlink("file", folder.path().join("link")).unwrap();
    remove(&folder.path().join("link")).unwrap();
    assert_eq!(names(folder.path()), ["file"]);
    remove(&path).unwrap();
    remove(&path).unwrap();
    assert!(remove(folder.path()).is_err());
}

#[test]
fn manifests_are_listed_in_the_order_of_their_bytes() {
    let folder = folder();
    let top = folder.path();
    for name in ["b.yaml", "a.yml", "B.json", "a/x.yaml", "a-b/x.yaml", "a/c/d.json"] {
        fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
        fs::write(top.join(name), "").unwrap();
    }
    for name in ["readme.md", ".hidden.yaml", "yaml", "x.YAML", "a/.git/x.yaml"] {
        fs::create_dir_all(top.join(name).parent().unwrap()).unwrap();
        fs::write(top.join(name), "").unwrap();
    }
    let listed = |recursive| -> Vec<String> {
        let found = list(top, recursive).unwrap();
        let short = |path: &PathBuf| path.strip_prefix(top).unwrap().display().to_string();
        found.iter().map(short).collect()
    };
    assert_eq!(listed(Recursive::No), ["B.json", "a.yml", "b.yaml"]);
    assert_eq!(listed(Recursive::Yes), ["B.json", "a-b/x.yaml", "a.yml", "a/c/d.json", "a/x.yaml", "b.yaml"]);
}

#[test]
fn links_are_listed_only_within_the_folder() {
    let folder = folder();
    let top = folder.path().join("top");
    // As the kubelet mounts a ConfigMap
    fs::create_dir_all(top.join("..data")).unwrap();
    fs::write(top.join("..data/x.yaml"), "").unwrap();
    symlink("..data/x.yaml", top.join("x.yaml")).unwrap();
    symlink(".", top.join("loop")).unwrap();
    assert_eq!(list(&top, Recursive::Yes).unwrap(), [top.join("x.yaml")]);

    fs::write(folder.path().join("theirs.yaml"), "").unwrap();
    symlink("../theirs.yaml", top.join("out.yaml")).unwrap();
    let problem = list(&top, Recursive::No).unwrap_err();
    assert!(problem.message().ends_with("is a link that leaves the folder"), "{problem}");
}

#[test]
fn a_manifest_that_is_no_file_is_told() {
    let folder = folder();
    mkfifoat(CWD, folder.path().join("x.yaml"), Mode::RWXU).unwrap();
    let problem = list(folder.path(), Recursive::No).unwrap_err();
    assert!(problem.message().ends_with("is not a regular file"), "{problem}");
    assert!(list(&folder.path().join("none"), Recursive::No).is_err());
}

#[test]
fn an_operand_is_a_file_a_link_or_a_pipe() {
    let folder = folder();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "text").unwrap();
    symlink(&file, &link).unwrap();
    assert_eq!(read_file(&link, LIMIT).unwrap().as_slice(), b"text");
    assert_eq!(kind(&link).unwrap(), Kind::File);
    assert_eq!(kind(folder.path()).unwrap(), Kind::Folder);
    assert_eq!(resolve(&link).unwrap(), fs::canonicalize(&file).unwrap());

    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    assert_eq!(kind(&path).unwrap(), Kind::File);
    let large = vec![b'x'; 700_001];
    thread::scope(|scope| {
        // Late and in two parts, as a shell's process substitution may be
        scope.spawn(|| {
            thread::sleep(std::time::Duration::from_millis(50));
            writer.write_all(&large[..300_000]).unwrap();
            thread::sleep(std::time::Duration::from_millis(50));
            writer.write_all(&large[300_000..]).unwrap();
            drop(writer);
        });
        let bytes = read_file(&path, LIMIT).unwrap();
        assert_eq!((bytes.as_slice(), bytes.capacity()), (large.as_slice(), large.len()));
    });
}

#[test]
fn a_named_pipe_is_waited_for() {
    let folder = folder();
    let path = folder.path().join("fifo");
    mkfifoat(CWD, &path, Mode::RWXU).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(std::time::Duration::from_millis(50));
            fs::write(&path, "late").unwrap();
        });
        assert_eq!(read_file(&path, LIMIT).unwrap().as_slice(), b"late");
    });
}

#[test]
fn an_operand_over_the_limit_is_refused() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "123456").unwrap();
    assert!(read_file(&file, 6).is_ok());
    let problem = read_file(&file, 5).unwrap_err();
    assert!(problem.message().ends_with("is larger than 5 bytes"), "{problem}");

    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"123456").unwrap();
    drop(writer);
    let path = PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()));
    let problem = read_file(&path, 5).unwrap_err();
    assert!(problem.message().ends_with("is larger than 5 bytes"), "{problem}");
}

#[test]
fn an_operand_that_is_no_file_is_refused() {
    let folder = folder();
    for (path, told) in [
        (Path::new("/dev/zero"), "is not a regular file"),
        (Path::new("/dev/null"), "is not a regular file"),
        (folder.path(), "is a folder, not a file"),
        (&folder.path().join("gone"), "no such file or folder"),
        (Path::new(""), "no such file or folder"),
    ] {
        let problem = read_file(path, LIMIT).unwrap_err();
        assert!(problem.message().ends_with(told), "{problem}");
        assert!(problem.advice().is_some());
    }
    assert!(kind(Path::new("/dev/zero")).is_err());
    assert!(kind(&folder.path().join("gone")).is_err());
    assert!(resolve(&folder.path().join("gone")).is_err());
}

/// Past the harness, which keeps what passing tests print.
fn skipped(test: &str, reason: &str) {
    stdio::tell(&format!("SKIPPED {test}: {reason}\n"));
}
