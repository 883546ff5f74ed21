//! An OpenBao on loopback, in memory, with fifty secrets of ten values.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Stops when it is dropped.
pub struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// None where it is not installed.
    pub fn start() -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/openbao");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let listen = format!("-dev-listen-address=127.0.0.1:{port}");
        let mut command = Command::new(&program);
        command.args(["server", "-dev", "-dev-no-store-token", "-dev-root-token-id=root", &listen]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let server = Self { child, address: format!("http://127.0.0.1:{port}") };
        let keys: Vec<String> = (0..10).map(|key| format!("key-{key}=value-{key}-of-a-bench")).collect();
        for path in 0..50 {
            let path = format!("secret/app/p{path}");
            let put = || {
                let mut put = Command::new(&program);
                put.args(["kv", "put", &path]).args(&keys).stdout(Stdio::null()).stderr(Stdio::null());
                server.reached(&mut put).status().is_ok_and(|status| status.success())
            };
            // It takes a while to start
            let took = (0..100).any(|_| {
                put() || {
                    std::thread::sleep(Duration::from_millis(100));
                    false
                }
            });
            assert!(took, "OpenBao does not start");
        }
        Some(server)
    }

    fn reached<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("BAO_ADDR", &self.address).env("BAO_TOKEN", "root")
    }

    /// What a shell has to be told so that both programs find it.
    pub fn variables(&self) -> String {
        let Self { address, .. } = self;
        format!("export VAULT_ADDR={address} VAULT_TOKEN=root AVP_TYPE=vault AVP_AUTH_TYPE=token; ")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
