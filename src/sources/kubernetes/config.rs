//! Which cluster, and as whom: a kubeconfig, or the service account of the pod.
//! Fields of a kubeconfig: `k8s.io/client-go/tools/clientcmd/api/v1`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::Problem;
use crate::model::{Ask, Request, Tls, Wire};
use crate::sources::answer::{bearer, setting, text};
use crate::yaml::{NodeId, Scalar, Syntax, Tree};

/// An API server, and who asks it.
pub(super) struct Cluster {
    server: String,
    authorization: Option<Zeroizing<String>>,
    tls: Option<Arc<Tls>>,
}

impl Cluster {
    /// `KUBECONFIG`, else the pod's, else `~/.kube/config`.
    pub(super) fn find(wire: &mut dyn Wire) -> Result<Self, Problem> {
        let path = setting("KUBECONFIG", wire)?;
        if !path.is_empty() {
            return Self::of_file(&path, wire);
        }
        let host = setting("KUBERNETES_SERVICE_HOST", wire)?;
        if !host.is_empty() {
            return Self::of_pod(&host, wire);
        }
        let home = setting("HOME", wire)?;
        if home.is_empty() {
            return Err(Problem::new("no cluster is known").hint("set KUBECONFIG to the path of a kubeconfig"));
        }
        Self::of_file(&format!("{}/.kube/config", *home), wire)
    }

    /// How kubelet lays out a service account: `kubernetes.io/docs/tasks/run-application/access-api-from-pod`.
    fn of_pod(host: &str, wire: &mut dyn Wire) -> Result<Self, Problem> {
        const FOLDER: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
        let port = setting("KUBERNETES_SERVICE_PORT", wire)?;
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let token = text(&wire.ask(Ask::Named(format!("{FOLDER}/token")))?.bytes)?;
        let authorities = wire.ask(Ask::Named(format!("{FOLDER}/ca.crt")))?.bytes;
        Ok(Self {
            server: format!("https://{host}:{}", *port),
            authorization: Some(bearer(&token)),
            tls: Some(Arc::new(Tls { authorities: Some(authorities), identity: None })),
        })
    }

    fn of_file(path: &str, wire: &mut dyn Wire) -> Result<Self, Problem> {
        if path.contains(':') {
            return Err(Problem::new("KUBECONFIG names several files")
                .hint("name one: kubectl config view --flatten --minify writes it"));
        }
        let bytes = wire.ask(Ask::Named(path.to_owned()))?.bytes;
        let unreadable = || Problem::new("the kubeconfig cannot be read as YAML").hint("does kubectl read it?");
        let content = std::str::from_utf8(&bytes).map_err(|_| unreadable())?;
        let tree = Tree::parse(content, Syntax::Document).map_err(|_| unreadable())?;
        Kubeconfig { tree: &tree, folder: path.rsplit_once('/').map_or(".", |(folder, _)| folder) }.cluster(wire)
    }

    /// Reads something of the API.
    pub(super) fn get(&self, operation: String, path: &str) -> Request {
        self.signed(Request::get(operation, self.url(path)))
    }

    /// Asks something that is put as an object.
    pub(super) fn post(&self, operation: String, path: &str, object: Zeroizing<Vec<u8>>) -> Request {
        self.signed(Request::post(operation, self.url(path), object))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server.trim_end_matches('/'))
    }

    fn signed(&self, request: Request) -> Request {
        let mut request = request.header("accept", Zeroizing::new("application/json".to_owned()));
        if let Some(authorization) = &self.authorization {
            request = request.header("authorization", authorization.clone());
        }
        request.tls.clone_from(&self.tls);
        request
    }
}

struct Kubeconfig<'t> {
    tree: &'t Tree<'t>,
    /// Paths in the file are relative to it.
    folder: &'t str,
}

/// What would weaken the connection, start a program, or is not built.
const REFUSED: [(&str, &str, &str); 5] = [
    (
        "exec",
        "gets its credentials from a program (exec), and sealref starts none",
        "give it a token: kubectl create token",
    ),
    ("auth-provider", "has an auth-provider, which Kubernetes has removed", "give it a token: kubectl create token"),
    ("as", "impersonates somebody", "use a user that may read the Secret itself"),
    ("proxy-url", "has a proxy-url", "name the proxy in HTTPS_PROXY, or the server without one"),
    ("tls-server-name", "has a tls-server-name", "name the server as its certificate does"),
];

impl Kubeconfig<'_> {
    fn cluster(&self, wire: &mut dyn Wire) -> Result<Cluster, Problem> {
        let root = self.tree.root();
        let context = self.field(root, "current-context").ok_or_else(|| missing("current-context"))?;
        let context = self.named("contexts", context, "context")?;
        let cluster = self.field(context, "cluster").ok_or_else(|| missing("the context's cluster"))?;
        let cluster = self.named("clusters", cluster, "cluster")?;
        let user = match self.field(context, "user") {
            Some(user) if !user.is_empty() => Some(self.named("users", user, "user")?),
            _ => None,
        };
        self.acceptable(cluster, user)?;
        let server = self.field(cluster, "server").ok_or_else(|| missing("the cluster's server"))?.to_owned();
        let authorities = self.content(cluster, "certificate-authority", wire)?;
        let (authorization, identity) = match user {
            Some(user) => (self.authorization(user, wire)?, self.identity(user, wire)?),
            None => (None, None),
        };
        Ok(Cluster { server, authorization, tls: Some(Arc::new(Tls { authorities, identity })) })
    }

    fn acceptable(&self, cluster: NodeId, user: Option<NodeId>) -> Result<(), Problem> {
        let unsafe_ = self.tree.get(cluster, "insecure-skip-tls-verify").and_then(|node| self.tree.scalar(node));
        if unsafe_ == Some(Scalar::Bool(true)) {
            return Err(Problem::new("the kubeconfig switches off verification (insecure-skip-tls-verify)")
                .hint("give it the cluster's certificate-authority"));
        }
        let has = |name| [Some(cluster), user].into_iter().flatten().any(|node| self.tree.get(node, name).is_some());
        match REFUSED.iter().find(|(name, ..)| has(name)) {
            Some((_, what, hint)) => Err(Problem::new(format!("the kubeconfig's current context {what}")).hint(*hint)),
            None => Ok(()),
        }
    }

    /// A bearer token, or a name and a password.
    fn authorization(&self, user: NodeId, wire: &mut dyn Wire) -> Result<Option<Zeroizing<String>>, Problem> {
        if let Some(token) = self.field(user, "token") {
            return Ok(Some(bearer(token)));
        }
        if let Some(path) = self.field(user, "tokenFile") {
            return Ok(Some(bearer(&text(&wire.ask(Ask::Named(self.path(path)))?.bytes)?)));
        }
        let (Some(name), Some(password)) = (self.field(user, "username"), self.field(user, "password")) else {
            return Ok(None);
        };
        let pair = Zeroizing::new(format!("{name}:{password}"));
        let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        Ok(Some(Zeroizing::new(format!("Basic {}", *encoded))))
    }

    fn identity(&self, user: NodeId, wire: &mut dyn Wire) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let certificate = self.content(user, "client-certificate", wire)?;
        let key = self.content(user, "client-key", wire)?;
        Ok(certificate.zip(key).map(|(certificate, key)| Zeroizing::new([&**certificate, b"\n", &**key].concat())))
    }

    /// PEM that stands in the file as base64, or in a file beside it.
    fn content(&self, node: NodeId, name: &str, wire: &mut dyn Wire) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        if let Some(data) = self.field(node, &format!("{name}-data")) {
            let decoded = STANDARD.decode(data).map(Zeroizing::new);
            return decoded.map(Some).map_err(|_| {
                Problem::new(format!("{name}-data of the kubeconfig is not base64")).hint("does kubectl read it?")
            });
        }
        let path = self.field(node, name).map(|path| self.path(path));
        path.map(|path| wire.ask(Ask::Named(path)).map(|reply| reply.bytes)).transpose()
    }

    fn path(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.folder) }
    }

    fn field(&self, node: NodeId, name: &str) -> Option<&str> {
        self.tree.get(node, name).and_then(|node| self.tree.raw(node))
    }

    fn named(&self, list: &str, name: &str, what: &str) -> Result<NodeId, Problem> {
        let list = self.tree.get(self.tree.root(), list);
        let mut items = list.into_iter().flat_map(|list| self.tree.items(list));
        let found = items.find(|item| self.field(*item, "name") == Some(name));
        let found = found.and_then(|item| self.tree.get(item, what));
        found.ok_or_else(|| missing(&format!("the {what} \"{name}\"")))
    }
}

fn missing(what: &str) -> Problem {
    Problem::new(format!("the kubeconfig lacks {what}")).hint("kubectl config use-context chooses one that is complete")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reply;

    /// Settings and files of a pod.
    struct Pod;

    impl Wire for Pod {
        fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
            let answer = |ask| {
                let text = match ask {
                    Ask::Setting("KUBERNETES_SERVICE_HOST") => "fd00::1",
                    Ask::Setting("KUBERNETES_SERVICE_PORT") => "443",
                    Ask::Setting(_) => "",
                    Ask::Named(path) if path == "/var/run/secrets/kubernetes.io/serviceaccount/token" => "of-the-pod\n",
                    Ask::Named(path) if path == "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt" => "PEM",
                    _ => panic!("something else is asked for"),
                };
                Ok(Reply::of(Zeroizing::new(text.as_bytes().to_vec())))
            };
            asks.into_iter().map(answer).collect()
        }
    }

    #[test]
    fn a_pod_asks_as_its_service_account() {
        let cluster = Cluster::find(&mut Pod).unwrap();
        let request = cluster.get("reading".into(), "/api/v1/namespaces/shop/secrets/db");
        assert_eq!(request.url, "https://[fd00::1]:443/api/v1/namespaces/shop/secrets/db");
        let sent = |name| request.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(sent("authorization"), Some("Bearer of-the-pod"));
        let authorities = request.tls.as_ref().unwrap().authorities.as_ref().unwrap();
        assert_eq!(authorities.as_slice(), b"PEM");
    }
}
