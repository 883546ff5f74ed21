//! A folder where a value lies wherever sealref may meet one, servers that answer with values, programs that write down what
//! they are given, and the hunt through all that a run leaves behind.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use age::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hunter::Hunter;
use super::program::{Program, SEALREF, end};
use super::server::{self, Server};

pub(crate) const PLAIN: &str = "Zq7vK1xT9mB3wR5yLd8nPc";
pub(crate) const THORNY: &str = "Hx9\"q\\W'{{Kj}}\n%41\u{e9}\u{2603}&Vw8<Tz6>\tY#4: -R";
pub(crate) const LITERAL: &str = "Gm2tJ6sD0uX8bN4cVe1rQf";
const OUTSIDE: &str = "Bp5kF9zA3hS7jU1iOg4xMw";
pub(crate) const VARIABLE: &str = "Ny8wC2gE6vH0lT4dXs9kJa";
const IN_AGE: &str = "Rt3fY7uP1eZ5oK9iLm2qWb";
const IN_YAML: &str = "Dc6xV0nM4aJ8sG2hFk7pTz";
/// What servers answer with, in values and in the words beside a status.
const REMOTE: &str = "Lf1yQ5wO9rI3tU7bEj6mXk";
pub(crate) const TOKEN: &str = "Sv0hP4nB8cZ2gD6aKw5xRu";
/// The 32 bytes of the sealing key, which are text here so that their windows can be told.
pub(crate) const KEY: &[u8; 32] = b"Wj4rL8tE2yU6iB0oXn5mQz9kSd3fVh7g";

pub(crate) fn binary() -> Vec<u8> {
    (0u8..28).map(|n| n.wrapping_mul(73).wrapping_add(201)).collect()
}

const SETTINGS: &str = r"
apiVersion: sealref.dev/v1alpha1
kind: SecretTransform
metadata: {name: test}
spec:
  targets: {vault: SealedSecret, doppler: SealedSecret, gitlab: SealedSecret, onepasswordconnect: SealedSecret}
  configMaps: Promote
  helmReleases: Lift
  sealing: {certificate: certificate.pem}
";

/// Where a key, an identity and a variable come from.
pub(crate) const KEYED: [&str; 6] =
    ["--sealing-key", "../home/key", "--allow-env", "SEALREF_CANARY", "--identity", "../home/identity"];

pub(crate) struct World {
    program: Program,
    pub(crate) hunter: Hunter,
    pub(crate) identity: String,
    pub(crate) server: Server,
}

impl World {
    pub(crate) fn new() -> Self {
        let identity = age::x25519::Identity::generate();
        let secret = identity.to_string().expose_secret().to_owned();
        let world = Self {
            program: Program::new(),
            hunter: Hunter::new(&[
                ("plain file", PLAIN.into()),
                ("thorny file", THORNY.into()),
                ("binary file", binary()),
                ("literal", LITERAL.into()),
                ("file outside of the root", OUTSIDE.into()),
                ("variable", VARIABLE.into()),
                ("age file", IN_AGE.into()),
                ("key of a YAML file", IN_YAML.into()),
                ("server", REMOTE.into()),
                ("token", TOKEN.into()),
                ("sealing key", KEY.to_vec()),
                ("age identity", secret.trim_start_matches("AGE-SECRET-KEY-").into()),
            ]),
            identity: secret,
            server: Server::start(|stream, request, _| {
                let (status, body) = answer(request.split(' ').nth(1).unwrap_or_default());
                server::answer(stream, status, "content-type: application/json\r\n", &body);
            }),
        };
        world.lay_out(&identity);
        world
    }

    fn lay_out(&self, identity: &age::x25519::Identity) {
        for folder in ["app/.git", "outside", "home", "tmp", "bin", "seen"] {
            fs::create_dir_all(self.path(folder)).unwrap();
        }
        let certificate = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/demo-certificate.pem");
        fs::copy(certificate, self.path("app/certificate.pem")).unwrap();
        self.put("app/.sealref.yaml", SETTINGS);
        self.put("app/plain.txt", PLAIN);
        self.put("app/thorny.txt", THORNY);
        self.put("app/binary.bin", binary());
        let yaml = format!("db: {{password: {IN_YAML}, map: {{{IN_YAML}: 1}}, list: [{IN_YAML}]}}\n");
        self.put("app/values.yaml", yaml);
        self.put("app/broken.yaml", format!("db: {{password: \"{IN_YAML}\n  x: [{IN_YAML}\n"));
        self.put("app/tabs.yaml", format!("db:\n\tpassword: {IN_YAML}\n"));
        self.put("app/twice.yaml", format!("password: {IN_YAML}\npassword: {IN_YAML}\n"));
        self.put("app/large.txt", PLAIN.repeat(60_000));
        self.put("app/huge.txt", PLAIN.repeat(300_000));
        self.put("outside/secret.txt", OUTSIDE);
        self.put("outside/secret.yaml", format!("a: {OUTSIDE}\n"));
        symlink("../outside/secret.txt", self.path("app/link.txt")).unwrap();
        symlink("../outside", self.path("app/link")).unwrap();
        let sealed = encrypted(&identity.to_public(), format!("password: {IN_AGE}\n").as_bytes());
        self.put("app/secrets.age", &sealed);
        self.put("app/cut.age", &sealed[..sealed.len() - 7]);
        self.put("app/changed.age", [&sealed[..sealed.len() - 1], &[sealed[sealed.len() - 1] ^ 1]].concat());
        self.put("app/broken.yaml.age", encrypted(&identity.to_public(), format!("a: [{IN_AGE}").as_bytes()));
        self.put("home/identity", format!("# created\n{}\n", self.identity));
        self.put("home/two-identities", format!("{}\n{}x\n", self.identity, self.identity));
        let other = age::x25519::Identity::generate();
        self.put("home/other-identity", other.to_string().expose_secret());
        self.put("home/key", format!("sealref-key-1:{}", STANDARD.encode(KEY)));
        self.put("home/raw-key", KEY);
        self.put("home/short-key", &KEY[..31]);
        self.put("home/bad-key", format!("sealref-key-1:{}", STANDARD.encode(&KEY[..31])));
        self.put("home/spaced-key", format!(" sealref-key-1:{}\n\n", STANDARD.encode(KEY)));
        // What is started in the place of a builder writes down all that it is given
        let seen = self.path("seen/given");
        let script = "{ echo \"$0 $*\"; /usr/bin/env; /bin/cat; } >> SEEN 2>&1\necho 'apiVersion: v1'\necho 'kind: Secret'\n\
                      echo 'metadata: {name: built, namespace: shop}'\necho 'stringData: {a: ref+vault://kv/ok#/k}'\n";
        for name in ["kustomize", "kubectl", "helm", "sops", "gpg", "age-plugin-x", "git", "vault"] {
            let path = self.path("bin").join(name);
            fs::write(&path, format!("#!/bin/sh\n{}", script.replace("SEEN", seen.to_str().unwrap()))).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.program.folder().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program.command(arguments);
        self.surround(&mut command);
        command
    }

    /// A line of a shell, in the same surroundings.
    pub(crate) fn line(&self, line: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        self.surround(command.args(["-c", &format!("sealref() {{ {SEALREF} \"$@\"; }}; {line}")]));
        command
    }

    fn surround(&self, command: &mut Command) {
        let url = self.server.url("");
        command.current_dir(self.path("app")).env_clear();
        command.env("HOME", self.path("home")).env("TMPDIR", self.path("tmp")).env("XDG_CACHE_HOME", self.path("home"));
        command.env("PATH", self.path("bin"));
        command.env("SEALREF_CANARY", VARIABLE).env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        for name in ["VAULT_ADDR", "DOPPLER_API_HOST", "GITLAB_HOST", "OP_CONNECT_HOST"] {
            command.env(name, &url);
        }
        for name in ["VAULT_TOKEN", "DOPPLER_TOKEN", "GITLAB_TOKEN", "OP_CONNECT_TOKEN", "AWS_SECRET_ACCESS_KEY"] {
            command.env(name, TOKEN);
        }
    }

    /// Runs a command, and hunts in everything it wrote, sent and left behind.
    pub(crate) fn hunt(&self, title: &str, command: &mut Command, input: &[u8]) -> (Output, Vec<String>) {
        let (before, asked) = (snapshot(self.program.folder()), self.server.requests().len());
        let output = end(command, input);
        let mut leaks = vec![];
        let mut search = |place: &str, bytes: &[u8]| {
            for (canary, form) in self.hunter.find(bytes) {
                // A token goes to its server, and nowhere else
                if (place, canary) != ("a request", "token") {
                    leaks.push(format!("{title}: {canary} as {form} in {place}"));
                }
            }
        };
        search("standard output", &output.stdout);
        search("standard error", &output.stderr);
        for request in self.server.requests().iter().skip(asked) {
            search("a request", request.as_bytes());
        }
        for (path, bytes) in snapshot(self.program.folder()) {
            if before.get(&path) != Some(&bytes) {
                let name = path.strip_prefix(self.program.folder()).unwrap();
                search(&format!("the file {}", name.display()), &bytes);
                search("the name of a file", name.as_os_str().as_bytes());
            }
        }
        (output, leaks)
    }
}

/// What the servers say, by what they are asked for.
fn answer(target: &str) -> (u16, String) {
    let value = |value: &str| (200, format!(r#"{{"data": {{"data": {{"k": {value}}}, "metadata": {{}}}}}}"#));
    let quoted = format!("\"{REMOTE}\"");
    let path = target.strip_prefix("/v1/kv/data/").unwrap_or(target);
    match path {
        "ok" => value(&quoted),
        "list" => value(&format!("[{quoted}]")),
        "map" => value(&format!("{{{quoted}: {quoted}}}")),
        "no-json" => (200, REMOTE.to_owned()),
        "cut" => (200, format!(r#"{{"data": {{"data": {{"k": {quoted}"#)),
        "deleted" => (200, format!(r#"{{"data": {{"data": null, "metadata": {{"x": {quoted}}}}}}}"#)),
        "header" => (200, format!("{quoted}\r\n\r\n")),
        _ if path.contains("/sys/internal/") => {
            (200, r#"{"data": {"path": "kv/", "type": "kv", "options": {"version": "2"}}}"#.to_owned())
        }
        _ if path.starts_with("/v3/configs/") => {
            (200, format!(r#"{{"name": "A", "value": {{"raw": {quoted}, "computed": {quoted}}}, "success": true}}"#))
        }
        _ if path.starts_with("/api/v4/") => {
            (200, format!(r#"{{"key": "A", "variable_type": "env_var", "value": {quoted}}}"#))
        }
        _ if path.starts_with("/v1/vaults?") => (200, r#"[{"id": "v1", "name": "shop"}]"#.to_owned()),
        _ if path.starts_with("/v1/vaults/v1/items?") => (200, r#"[{"id": "i1"}]"#.to_owned()),
        _ if path == "/v1/vaults/v1/items/i1" => {
            (200, format!(r#"{{"id": "i1", "fields": [{{"id": "p", "label": "p", "value": {quoted}}}]}}"#))
        }
        _ => (path.parse().unwrap_or(404), format!(r#"{{"errors": [{quoted}], "warnings": [{quoted}]}}"#)),
    }
}

fn encrypted(recipient: &age::x25519::Recipient, bytes: &[u8]) -> Vec<u8> {
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient as &dyn age::Recipient)).unwrap();
    let mut out = vec![];
    let mut writer = encryptor.wrap_output(&mut out).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap();
    out
}

/// Everything below a folder: files with what they hold, links with where they lead, folders.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() {
            found.insert(path.clone(), fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec());
        } else if path.is_dir() {
            found.extend(snapshot(&path));
            found.insert(path, vec![]);
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// A Secret with this map as its stringData, and what else it says.
pub(crate) fn secret(data: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData:\n{data}\n")
}

pub(crate) fn one(value: &str) -> String {
    secret(&format!("  a: {value}"))
}

/// A value of every source that gives one without a cloud, alone and with others.
pub(crate) fn all() -> String {
    secret(
        "  plain: ref+file://plain.txt\n  thorny: ref+file://thorny.txt\n  binary: ref+file://binary.bin\n  \
         composed: 'postgres://u:ref+file://plain.txt+@db/ref+env://SEALREF_CANARY+ {{ x }}'\n  \
         age: ref+file://secrets.age\n  inside: ref+file://secrets.age#/password\n  \
         yaml: ref+file://values.yaml#/db/password\n  variable: ref+env://SEALREF_CANARY",
    )
}

/// A value of every server.
pub(crate) fn servers(world: &World) -> String {
    secret(&format!(
        "  vault: ref+vault://kv/ok#/k\n  doppler: ref+doppler://shop/prd/A\n  \
         gitlab: ref+gitlab://127.0.0.1:{}/12/A\n  connect: ref+onepasswordconnect://shop/db#/p",
        world.server.port()
    ))
}

/// A stream of one document as a list for a function of kustomize, with the settings of the folder.
pub(crate) fn listed(stream: &str) -> String {
    let below = |text: &str| text.trim().replace('\n', "\n  ");
    format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig:\n  {}\nitems:\n- {}\n",
        below(SETTINGS),
        below(stream)
    )
}
