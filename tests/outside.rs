//! Files of strangers: the faults D1 to D10, and the path traversals that others published.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use rustix::fs::{CWD, Mode, RenameFlags, mkfifoat, renameat_with};
use sealref::outside::{
    files::{Root, repository, upwards},
    stdio,
};
use tempfile::TempDir;

/// Stands in every file that must not be read.
const OUTSIDE: &str = "outside-canary-7c1f";
const LIMIT: usize = 1 << 16;

/// `root/` with a few files, beside it what belongs to others.
struct World {
    folder: TempDir,
    root: Root,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir_all(path.join("root/app/deep")).unwrap();
        fs::create_dir_all(path.join("root/.git")).unwrap();
        fs::create_dir_all(path.join("other")).unwrap();
        fs::write(path.join("root/values"), "top").unwrap();
        fs::write(path.join("root/app/values"), "app").unwrap();
        fs::write(path.join("root/.sops.yaml"), "dot").unwrap();
        fs::write(path.join("root/.git/config"), OUTSIDE).unwrap();
        fs::write(path.join("other/secret"), OUTSIDE).unwrap();
        fs::write(path.join("secret"), OUTSIDE).unwrap();
        let root = Root::open(&path.join("root")).unwrap();
        Self { folder, root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        self.read_in("", name)
    }

    fn read_in(&self, folder: &str, name: &str) -> String {
        let bytes = self.root.read(Path::new(folder), name, LIMIT);
        String::from_utf8(bytes.unwrap_or_else(|problem| panic!("{problem}")).to_vec()).unwrap()
    }

    fn refusal(&self, name: &str) -> String {
        self.refusal_in("", name)
    }

    fn refusal_in(&self, folder: &str, name: &str) -> String {
        match self.root.read(Path::new(folder), name, LIMIT) {
            Ok(bytes) => panic!("{name:?} was read: {:?}", String::from_utf8_lossy(&bytes)),
            Err(problem) => {
                let told = format!("{problem} {problem:?}");
                assert!(!told.contains(OUTSIDE), "{told}");
                assert!(problem.advice().is_some(), "no hint: {told}");
                problem.message().to_owned()
            }
        }
    }

    fn leaves(&self, name: &str) {
        let told = self.refusal(name);
        assert!(told.ends_with("leaves the root"), "{name:?}: {told}");
    }
}

#[test]
fn a_file_below_the_root_is_read() {
    let world = World::new();
    assert_eq!(world.read("values"), "top");
    assert_eq!(world.read_in("app", "values"), "app");
    assert_eq!(world.read("./app/./values"), "app");
    assert_eq!(world.read(".sops.yaml"), "dot");
}

#[test]
fn climbing_that_stays_below_the_root_is_allowed() {
    let world = World::new();
    assert_eq!(world.read_in("app", "../values"), "top");
    assert_eq!(world.read_in("app/deep", "../../app/values"), "app");
    assert_eq!(world.read_in("app/..", "values"), "top");
}

#[test]
fn bytes_come_in_one_allocation_of_their_size() {
    let world = World::new();
    fs::write(world.path("root/large"), vec![7; 50_001]).unwrap();
    let bytes = world.root.read(Path::new(""), "large", LIMIT).unwrap();
    assert_eq!((bytes.len(), bytes.capacity()), (50_001, 50_001));
    assert!(bytes.iter().all(|byte| *byte == 7));
}

#[test]
fn a_name_that_climbs_above_the_root_is_refused_d1() {
    let world = World::new();
    for name in [
        "../secret",
        "../other/secret",
        "../../../../../../../../etc/passwd",
        "app/../../secret",
        "app/deep/../../../secret",
        "../root/values",
        "..",
    ] {
        world.leaves(name);
    }
    assert!(world.refusal_in("app", "../../secret").ends_with("leaves the root"));
    assert!(world.refusal_in("..", "secret").ends_with("leaves the root"));
    assert!(world.refusal_in("../other", "secret").ends_with("leaves the root"));
}

#[test]
fn an_absolute_name_is_refused_d1() {
    let world = World::new();
    let inside = world.path("root/values");
    for name in ["/etc/passwd", "//etc/passwd", inside.to_str().unwrap()] {
        let told = world.refusal(name);
        assert!(told.ends_with("is an absolute path"), "{told}");
    }
    assert!(world.refusal_in("/etc", "passwd").ends_with("is an absolute path"));
}

#[test]
fn a_link_that_leaves_the_root_is_refused_d1() {
    let world = World::new();
    world.link("../secret", "root/relative");
    world.link(world.path("secret"), "root/absolute");
    world.link("relative", "root/chain");
    world.link("../other", "root/folder");
    world.link(world.path("other"), "root/app/folder");
    // Back inside by an absolute name: whether that is inside is not ours to work out
    world.link(world.path("root/values"), "root/home");
    for name in ["relative", "absolute", "chain", "folder/secret", "app/folder/secret", "folder/../secret", "home"] {
        world.leaves(name);
    }
}

#[test]
fn whether_something_exists_outside_is_not_told_d1() {
    let world = World::new();
    world.link("/nowhere/at/all", "root/a");
    world.link(world.path("secret"), "root/b");
    world.leaves("a");
    world.leaves("b");
    assert_eq!(world.refusal("../secret").replace("secret", "X"), world.refusal("../nothing").replace("nothing", "X"));
}

#[test]
fn a_link_within_the_root_is_followed_d2() {
    let world = World::new();
    world.link("app/values", "root/here");
    world.link("../values", "root/app/up");
    world.link("app", "root/folder");
    world.link("here", "root/chain");
    assert_eq!(world.read("here"), "app");
    assert_eq!(world.read("app/up"), "top");
    assert_eq!(world.read("folder/values"), "app");
    assert_eq!(world.read("chain"), "app");
}

#[test]
fn a_loop_of_links_is_refused_d3() {
    let world = World::new();
    world.link("b", "root/a");
    world.link("a", "root/b");
    world.link("self/x", "root/self");
    for name in ["a", "b", "self"] {
        let told = world.refusal(name);
        assert!(told.ends_with("links that lead nowhere"), "{told}");
    }
}

#[test]
fn the_kernels_own_files_are_refused_d4() {
    let world = World::new();
    world.link("/proc/self/environ", "root/environ");
    world.link("/proc/1/root/etc/passwd", "root/magic");
    world.link("/dev/stdin", "root/stdin");
    world.link("/dev/zero", "root/zero");
    for name in ["environ", "magic", "stdin", "zero"] {
        world.leaves(name);
    }
    world.refusal("/proc/self/environ");
    world.refusal("../../../proc/self/environ");
}

#[test]
fn a_root_inside_proc_gives_nothing_d4() {
    let root = Root::open(Path::new("/proc/self")).unwrap();
    for name in ["environ", "cmdline", "root/etc/passwd", "cwd/Cargo.toml", "exe", "fd/0"] {
        assert!(root.read(Path::new(""), name, LIMIT).is_err(), "{name}");
    }
}

#[test]
fn devices_are_refused_d4() {
    let root = Root::open(Path::new("/dev")).unwrap();
    for name in ["zero", "null", "full", "random", "urandom", "tty", "stdin"] {
        if !Path::new("/dev").join(name).exists() {
            continue;
        }
        let problem = root.read(Path::new(""), name, LIMIT).unwrap_err();
        let told = problem.message();
        assert!(told.ends_with("is not a regular file") || told.ends_with("leaves the root"), "{told}");
    }
}

#[test]
fn a_fifo_never_blocks_d5() {
    let world = World::new();
    mkfifoat(CWD, world.path("root/fifo"), Mode::RWXU).unwrap();
    world.link("fifo", "root/link");
    let (done, told) = mpsc::channel();
    thread::spawn(move || {
        for name in ["fifo", "link"] {
            done.send(world.refusal(name)).unwrap();
        }
    });
    for _ in 0..2 {
        let told = told.recv_timeout(Duration::from_secs(10)).expect("it blocks");
        assert!(told.ends_with("is not a regular file"), "{told}");
    }
}

#[test]
fn sockets_and_folders_are_refused_d5() {
    let world = World::new();
    let _listener = UnixListener::bind(world.path("root/socket")).unwrap();
    world.link("app", "root/link");
    assert!(world.refusal("socket").ends_with("is not a regular file"));
    for name in ["app", "app/", ".", "link", "app/.."] {
        let told = world.refusal(name);
        assert!(told.ends_with("is a folder, not a file"), "{told}");
    }
}

#[test]
fn a_hard_link_is_refused_where_the_root_says_so_d5() {
    let world = World::new();
    fs::hard_link(world.path("secret"), world.path("root/hard")).unwrap();
    assert_eq!(world.read("hard"), OUTSIDE);
    let World { folder, root } = world;
    let world = World { folder, root: root.without_hard_links() };
    assert!(world.refusal("hard").contains("hard link"));
    assert_eq!(world.read("values"), "top");
}

#[test]
fn a_root_may_be_read_in_one_folder_alone() {
    let World { folder, root } = World::new();
    let inner = folder.path().join("root/apps");
    fs::create_dir_all(inner.join("deep")).unwrap();
    fs::write(inner.join("deep/own"), "own").unwrap();
    symlink("../values", inner.join("link")).unwrap();
    let world = World { root: root.only(&inner).unwrap(), folder };
    assert_eq!(world.read("apps/deep/own"), "own");
    assert_eq!(world.read("x/../apps/./deep/../deep/own"), "own");
    for name in ["values", "apps/../values", "deep/own", "applications", "apps"] {
        assert!(world.refusal(name).contains("outside of the Application's folder") || name == "apps", "{name}");
    }
    for name in ["apps/link", "../root/apps/deep/own", "apps/../../root/apps/deep/own"] {
        assert!(world.refusal(name).contains("leaves the root"), "{name}");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_refused_d6() {
    let world = World::new();
    let path = world.path("root/values");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        skipped("a_file_that_may_not_be_read_is_refused_d6", "this user reads any file");
        return;
    }
    assert!(world.refusal("values").ends_with("permission denied"));
}

#[test]
fn a_file_that_is_gone_is_told_d6() {
    let world = World::new();
    world.link("nothing", "root/dangling");
    for name in ["nothing", "nothing/values", "dangling"] {
        let told = world.refusal(name);
        assert!(told.ends_with("no such file or folder"), "{told}");
    }
    assert!(world.refusal("values/x").ends_with("is not a folder"));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused_d6() {
    let world = World::new();
    let path = world.path("root/growing");
    let (short, long) = (40_000_u64, 60_000_u64);
    fs::write(&path, vec![b'x'; 40_000]).unwrap();
    let stop = AtomicBool::new(false);
    let mut changed = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.set_len(long).unwrap();
                file.set_len(short).unwrap();
            }
        });
        for _ in 0..200_000 {
            match world.root.read(Path::new(""), "growing", LIMIT) {
                Ok(bytes) => assert!([40_000, 60_000].contains(&bytes.len())),
                Err(problem) => {
                    assert!(problem.message().ends_with("changed while it was read"), "{problem}");
                    changed += 1;
                    if changed == 20 {
                        break;
                    }
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(changed > 0, "the race was never met");
}

#[test]
fn odd_names_are_read_and_told_safely_d7() {
    let world = World::new();
    let longest = "n".repeat(255);
    for name in ["new\nline", "esc\u{1b}[2J", "dot.", "space ", "Values", &longest] {
        fs::write(world.path("root").join(name), "odd").unwrap();
        assert_eq!(world.read(name), "odd", "{name:?}");
    }
    assert_eq!(world.read("values"), "top");
    let problem = world.root.read(Path::new(""), "gone\n\u{1b}[2J\u{202e}", LIMIT).unwrap_err();
    let told = problem.to_string();
    assert!(told.starts_with("\"gone\\u{a}\\u{1b}[2J\\u{202e}\" can't be read"), "{told}");
    assert!(world.refusal(&"n".repeat(256)).ends_with("the name is too long"));
    assert!(world.refusal(&"n/".repeat(4000)).ends_with("the name is too long"));
    assert!(world.refusal("nul\0byte").contains("can't be read"));
    assert!(world.refusal("").contains("is empty"));
}

#[test]
fn a_folder_that_is_not_utf8_is_entered_d7() {
    let world = World::new();
    let name = OsStr::from_bytes(b"caf\xe9");
    fs::create_dir(world.path("root").join(name)).unwrap();
    fs::write(world.path("root").join(name).join("values"), "latin").unwrap();
    let bytes = world.root.read(Path::new(name), "values", LIMIT).unwrap();
    assert_eq!(bytes.as_slice(), b"latin");
}

#[test]
fn a_file_at_the_limit_is_read_and_one_byte_more_is_refused_d8() {
    let world = World::new();
    fs::write(world.path("root/full"), vec![0; LIMIT]).unwrap();
    fs::write(world.path("root/more"), vec![0; LIMIT + 1]).unwrap();
    assert_eq!(world.read("full").len(), LIMIT);
    assert_eq!(world.refusal("more"), "\"more\" is larger than 64 KiB");
}

#[test]
fn a_sparse_tebibyte_is_refused_by_its_size_d8() {
    let world = World::new();
    let file = fs::File::create(world.path("root/sparse")).unwrap();
    if file.set_len(1 << 40).is_err() {
        skipped("a_sparse_tebibyte_is_refused_by_its_size_d8", "no such files here");
        return;
    }
    assert_eq!(world.refusal("sparse"), "\"sparse\" is larger than 64 KiB");
}

#[test]
fn the_root_is_resolved_once_d9() {
    let world = World::new();
    world.link("root", "alias");
    let root = Root::open(&world.path("alias")).unwrap();
    assert_eq!(root.path(), fs::canonicalize(world.path("root")).unwrap());
    fs::remove_file(world.path("alias")).unwrap();
    world.link("other", "alias");
    assert!(root.read(Path::new(""), "secret", LIMIT).is_err());
    assert_eq!(root.read(Path::new(""), "values", LIMIT).unwrap().as_slice(), b"top");
}

#[test]
fn an_unfit_root_is_refused_d9() {
    let world = World::new();
    world.link("/", "slash");
    for (path, told) in [
        (PathBuf::from("/"), "\"/\" can't be the root of files"),
        (PathBuf::from("/usr/.."), "\"/\" can't be the root of files"),
        (world.path("slash"), "\"/\" can't be the root of files"),
        (world.path("secret"), "is not a folder"),
        (world.path("missing"), "no such file or folder"),
        (PathBuf::new(), "no such file or folder"),
    ] {
        let problem = Root::open(&path).unwrap_err();
        assert!(problem.message().ends_with(told), "{problem}");
        assert!(problem.advice().is_some());
    }
}

#[test]
fn what_git_keeps_is_refused() {
    let world = World::new();
    fs::create_dir(world.path("root/sub")).unwrap();
    fs::write(world.path("root/sub/.git"), OUTSIDE).unwrap();
    fs::write(world.path("root/.gitignore"), "ignored").unwrap();
    world.link(".git/config", "root/file");
    world.link(".git", "root/folder");
    world.link("../folder/config", "root/app/chain");
    for name in [
        ".git/config",
        "sub/.git",
        "sub/../.git/config",
        ".GIT/config",
        ".git/../values",
        "file",
        "folder/config",
        "app/chain",
    ] {
        let told = world.refusal(name);
        assert!(told.ends_with("lies in \".git\""), "{told}");
    }
    assert!(world.refusal_in(".git", "config").ends_with("lies in \".git\""));
    assert_eq!(world.read(".gitignore"), "ignored");
}

#[test]
fn a_file_swapped_for_a_link_never_gives_what_is_outside_d10() {
    let world = World::new();
    world.link("../secret", "root/twin");
    assert_race(&world, "root/values", "root/twin", "values");
}

#[test]
fn a_folder_swapped_for_a_link_never_gives_what_is_outside_d10() {
    let world = World::new();
    world.link(world.path("other"), "root/twin");
    fs::write(world.path("root/app/secret"), "top").unwrap();
    assert_race(&world, "root/app", "root/twin", "app/secret");
}

#[test]
fn a_folder_moved_away_while_a_name_climbs_never_gives_what_is_outside_d10() {
    let world = World::new();
    fs::create_dir_all(world.path("other/far")).unwrap();
    fs::write(world.path("other/far/secret"), OUTSIDE).unwrap();
    fs::write(world.path("root/secret"), "top").unwrap();
    assert_race(&world, "root/app", "other/far", "app/deep/../../secret");
}

#[test]
fn climbing_works_while_others_rename_d10() {
    let world = World::new();
    let (one, other) = (world.path("other"), world.path("another"));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                fs::rename(&one, &other).unwrap();
                fs::rename(&other, &one).unwrap();
            }
        });
        let name = "../app/deep/../../values";
        let failed = (0..20_000).find_map(|_| {
            let read = world.root.read(Path::new("app"), name, LIMIT);
            read.err().map(|problem| problem.to_string())
        });
        stop.store(true, Ordering::Relaxed);
        assert_eq!(failed, None);
    });
}

/// Exchanges two names without a pause while the same name is read: 20,000 times, and longer only
/// where a busy machine has not let both outcomes happen yet.
fn assert_race(world: &World, one: &str, other: &str, name: &str) {
    let (one, other) = (world.path(one), world.path(other));
    let stop = AtomicBool::new(false);
    let (mut read, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            }
        });
        for round in 0..2_000_000 {
            if round >= 20_000 && read > 0 && refused > 0 {
                break;
            }
            match world.root.read(Path::new(""), name, LIMIT) {
                Ok(bytes) if bytes.as_slice() == b"top" => read += 1,
                Ok(_) => {
                    stop.store(true, Ordering::Relaxed);
                    panic!("read what is outside, after {read} and {refused}");
                }
                Err(_) => refused += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(read > 0 && refused > 0, "no race: {read} read, {refused} refused");
}

// Argo CD: an absolute name passed for a URL and was not checked
#[test]
fn cve_2022_24348_an_absolute_values_file_is_refused() {
    let world = World::new();
    let secret = world.path("secret");
    assert!(world.refusal(secret.to_str().unwrap()).ends_with("is an absolute path"));
    for scheme in ["file://", "http://", "file:/"] {
        world.refusal(&format!("{scheme}{}", secret.display()));
        world.refusal(&format!("{scheme}../../../secret"));
    }
}

// Argo CD: a values file of another application's checkout
#[test]
fn cve_2022_24730_a_file_of_a_neighbour_is_refused() {
    let world = World::new();
    world.leaves("../other/secret");
    assert!(world.refusal_in("app", "../../other/secret").ends_with("leaves the root"));
}

// Argo CD: a file that is no YAML came back inside the error
#[test]
fn cve_2022_24731_the_error_holds_nothing_of_the_file() {
    let world = World::new();
    fs::write(world.path("root/huge"), OUTSIDE.repeat(LIMIT)).unwrap();
    // `refusal` looks for the canary in the problem and in its debugging form
    world.refusal("huge");
    world.leaves("../secret");
    world.refusal(".git/config");
}

// Argo CD: a link in a repository of plain manifests
#[test]
fn cve_2022_24904_a_link_out_of_the_repository_is_refused() {
    let world = World::new();
    world.link("../../secret", "root/app/manifest.yaml");
    world.link("/etc/passwd", "root/app/passwd.yaml");
    world.leaves("app/manifest.yaml");
    world.leaves("app/passwd.yaml");
}

// Argo CD: a values file that is a link, reached through a folder that is one
#[test]
fn cve_2022_31036_a_linked_values_file_is_refused() {
    let world = World::new();
    world.link("../../other", "root/app/charts");
    world.link("charts/secret", "root/app/values.yaml");
    world.leaves("app/values.yaml");
    world.leaves("app/charts/secret");
}

// Flux: a kustomization whose paths climb out of the artefact
#[test]
fn cve_2022_24877_a_kustomization_that_climbs_is_refused() {
    let world = World::new();
    let climb = "../".repeat(40);
    world.leaves(&format!("{climb}var/run/secrets/kubernetes.io/serviceaccount/token"));
    world.leaves(&format!("{climb}proc/self/environ"));
    let told = world.refusal("/var/run/secrets/kubernetes.io/serviceaccount/token");
    assert!(told.ends_with("is an absolute path"), "{told}");
    assert!(world.refusal_in(&climb, "etc/passwd").ends_with("leaves the root"));
}

#[test]
fn the_nearest_file_upwards_is_found() {
    let world = World::new();
    let deep = world.path("root/app/deep");
    let home = fs::canonicalize(world.path("root")).unwrap();
    assert_eq!(upwards(&deep, &["values"], None), Some(home.join("app/values")));
    assert_eq!(upwards(&deep, &["none", ".sops.yaml"], None), Some(home.join(".sops.yaml")));
    assert_eq!(repository(&deep), Some(home));
}

#[test]
fn nothing_above_the_last_folder_is_looked_at() {
    let world = World::new();
    let deep = world.path("root/app/deep");
    let (app, root) = (world.path("root/app"), world.path("root"));
    assert_eq!(upwards(&deep, &[".sops.yaml"], Some(&app)), None);
    assert!(upwards(&deep, &[".sops.yaml"], Some(&root)).is_some());
    assert_eq!(upwards(&deep, &["secret"], Some(&world.path("other"))), None);
}

/// Past the harness, which keeps what passing tests print.
fn skipped(test: &str, reason: &str) {
    stdio::tell(&format!("SKIPPED {test}: {reason}\n"));
}
