//! AccessSecretVersion of Secret Manager, and Decrypt of Cloud KMS for data keys of files.
//! The requests: `cloud.google.com/secret-manager/docs/reference/rest`, `cloud.google.com/kms/docs/reference/rest`.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::Gcp;
use crate::error::{Exit, Problem};
use crate::model::{Address, Ask, Cloud, MasterKey, Payload, Reply, Request, Wire, Wrapped};
use crate::sources::answer::{Known, Secrets, Text, accepted, base64, bearer, each_of, is_name, json, setting, token};
use crate::sources::{Fetch, Keys};

/// An address and the token that opens it.
struct Service {
    url: String,
    token: Zeroizing<String>,
}

impl Service {
    /// `variable` is the one by which the vendor's or sops' own programs are led elsewhere.
    fn find(variable: &'static str, url: String, wire: &mut dyn Wire) -> Result<Self, Problem> {
        let own = setting(variable, wire)?;
        let url = if own.is_empty() { url } else { own.trim_end_matches('/').to_owned() };
        let given = setting("GOOGLE_OAUTH_ACCESS_TOKEN", wire)?;
        let token = if given.is_empty() { token(Cloud::Google, wire)? } else { given };
        Ok(Self { url, token })
    }

    fn authorized(&self, request: Request) -> Request {
        request.header("authorization", bearer(&self.token))
    }
}

impl Fetch for Gcp {
    fn fetch(&self, wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
        let service = Service::find("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", String::new(), wire);
        each_of(service, wanted, wire)
    }

    fn keys(&self, key: &MasterKey) -> Option<&dyn Keys> {
        matches!(key, MasterKey::Google { .. }).then_some(self)
    }
}

/// A secret that lives in one region is asked for there.
fn host(service: &Service, address: &Address) -> String {
    match address.parameter("location") {
        _ if !service.url.is_empty() => service.url.clone(),
        Some(location) => format!("https://secretmanager.{location}.rep.googleapis.com"),
        None => "https://secretmanager.googleapis.com".to_owned(),
    }
}

/// `projects/P/[locations/L/]secrets/S/versions/V`; a version is a number, an alias, or `latest`.
fn resource(address: &Address) -> Result<String, Problem> {
    let (project, name) = address.path.split_once('/').unwrap_or_default();
    let version = address.parameter("version").unwrap_or("latest");
    let location = address.parameter("location");
    // A project of a domain: example.com:shop
    let domain = project.replace([':', '.'], "");
    for part in [&*domain, name, version].into_iter().chain(location) {
        if !is_name(part) {
            return Err(Problem::new(format!("\"{part}\" is no name of Secret Manager"))
                .hint("letters, digits, \"-\" and \"_\""));
        }
    }
    let location = location.map(|location| format!("locations/{location}/")).unwrap_or_default();
    Ok(format!("projects/{project}/{location}secrets/{name}/versions/{version}"))
}

fn operation(address: &Address) -> String {
    format!("reading the secret \"{}\"", address.path)
}

const REFUSALS: [Known; 4] = [
    (400, "it cannot be used in this state, or the request does not fit it", "is the version enabled?"),
    (401, "Google Cloud does not know who asks", "log in anew: gcloud auth application-default login"),
    (
        403,
        "access is denied",
        "whoever runs this needs secretmanager.versions.access, or cloudkms.cryptoKeyVersions.useToDecrypt",
    ),
    (404, "it is not there, or has no such version", "are project, name and version right?"),
];

#[derive(Deserialize)]
struct Version {
    payload: Data,
}

#[derive(Deserialize)]
struct Data {
    data: Text,
}

const SERVER: &str = "Secret Manager";

impl Secrets for Service {
    fn ask(&self, address: &Address) -> Result<Ask, Problem> {
        let url = format!("{}/v1/{}:access", host(self, address), resource(address)?);
        Ok(Ask::Http(self.authorized(Request::get(operation(address), url))))
    }

    fn read(&self, address: &Address, reply: &Reply) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let version: Version = json(accepted(&operation(address), reply, &REFUSALS)?, SERVER)?;
        base64(&version.payload.data, SERVER)
    }
}

#[derive(Deserialize)]
struct Opened {
    plaintext: Text,
}

impl Keys for Gcp {
    /// The operator's configuration names no key: each is granted.
    fn configured(&self, _: &MasterKey, _: &mut dyn Wire) -> Result<bool, Problem> {
        Ok(false)
    }

    fn unwrap(&self, wrapped: &Wrapped, wire: &mut dyn Wire) -> Result<Zeroizing<Vec<u8>>, Problem> {
        let MasterKey::Google { resource } = &wrapped.key else {
            return Err(Problem::new("a key of another service was asked of Google Cloud").exit(Exit::Bug));
        };
        let segments: Vec<&str> = resource.split('/').collect();
        let is_key = matches!(segments.as_slice(),
            ["projects", _, "locations", location, "keyRings", ring, "cryptoKeys", key]
                if [location, ring, key].into_iter().all(|name| is_name(name)));
        if !is_key || !segments.iter().all(|name| is_name(&name.replace([':', '.'], ""))) {
            return Err(Problem::new(format!("\"{resource}\" is no key of Cloud KMS"))
                .hint("projects/P/locations/L/keyRings/R/cryptoKeys/K"));
        }
        let service = Service::find("SOPS_GCP_KMS_ENDPOINT", "https://cloudkms.googleapis.com".to_owned(), wire)?;
        let operation = format!("decrypting with the key \"{resource}\"");
        let body = serde_json::json!({ "ciphertext": wrapped.ciphertext }).to_string();
        let url = format!("{}/v1/{resource}:decrypt", service.url);
        let request = Request::post(operation.clone(), url, Zeroizing::new(body.into_bytes()));
        let reply = wire.ask(Ask::Http(service.authorized(request)))?;
        let opened: Opened = json(accepted(&operation, &reply, &REFUSALS)?, "Cloud KMS")?;
        base64(&opened.plaintext, "Cloud KMS")
    }
}
