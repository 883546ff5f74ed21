//! AWS Secrets Manager and SSM Parameter Store.
//! How External Secrets reads key, property and version: `providers/v1/aws/{secretsmanager,parameterstore}`.

mod by_path;
mod fetch;
mod kms;
mod refusal;

use super::{Becomes, Facts, Fetch, Source, agrees, gjson, resolve, shape};
use crate::error::Problem;
use crate::model::{Address, Raw, Reach, Remote, Scheme, StoreProvider};

pub(super) struct Aws;

static FACTS: [Facts; 2] = [
    Facts {
        scheme: "awssecrets",
        path: "NAME or ARN",
        property: "#/field",
        parameters: &["version_stage", "version_id", "region"],
        providers: &["aws"],
        becomes: Becomes::Translated,
    },
    Facts {
        scheme: "awsssm",
        path: "/PATH",
        property: "#/field",
        parameters: &["version", "region"],
        providers: &["aws"],
        becomes: Becomes::Translated,
    },
];

const ARN: &str = "arn:";

impl Source for Aws {
    fn facts(&self) -> &'static [Facts] {
        &FACTS
    }

    fn address<'t>(&self, facts: &'static Facts, mut raw: Raw<'t>) -> Result<Address<'t>, Problem> {
        if facts.scheme == "awssecrets" {
            let address = raw.normal(Scheme(facts.scheme))?;
            if address.parameter("version_stage").is_some() && address.parameter("version_id").is_some() {
                return Err(Problem::new("version_stage and version_id are both given").hint("keep one of them"));
            }
            return match address.path.strip_prefix(ARN) {
                Some(rest) if !arn(rest) => Err(shape(facts)),
                _ => Ok(address),
            };
        }
        let path = raw.path.strip_suffix('/').filter(|_| raw.whole).map(str::to_owned);
        let below = path.is_some();
        if let Some(path) = path {
            raw.path = path.into();
            refuse_below(facts, &raw)?;
        }
        // A hierarchical name has a leading slash, which vals lets its users leave out.
        let path = raw.path.strip_prefix('/').unwrap_or(&raw.path).to_owned();
        let hierarchical = below || raw.path.starts_with('/') || path.contains('/');
        raw.path = path.into();
        let mut address = raw.normal(Scheme(facts.scheme))?;
        if hierarchical {
            address.path = format!("/{}{}", address.path, if below { "/" } else { "" }).into();
        }
        Ok(address)
    }

    fn fits(&self, address: &Address, provider: &StoreProvider) -> bool {
        let region = address.parameter("region").or_else(|| arn_region(&address.path));
        provider.field(&["service"]) == Some(service(address.scheme.0)) && agrees(provider, &["region"], region)
    }

    fn remote<'t>(&self, address: &Address<'t>, provider: Option<&StoreProvider>) -> Result<Remote<'t>, Problem> {
        if by_path::is_path(address) {
            return Err(Problem::new(
                "dataFrom.extract of External Secrets reads one parameter, and this is a path of several",
            )
            .hint("seal it: the annotation sealref.dev/target: SealedSecret on the Secret; or name each parameter"));
        }
        let prefix = provider.and_then(|provider| provider.field(&["prefix"])).unwrap_or("");
        // External Secrets puts the store's prefix before every key, which breaks an ARN.
        let key = address.path.strip_prefix(prefix).ok_or_else(|| {
            Problem::new("the store puts a prefix before every key, and the path does not begin with it")
                .hint("use a store without `prefix`, or a path below it")
        })?;
        let id = address.parameter("version_id").map(|id| format!("uuid/{id}"));
        let stage = address.parameter("version_stage").or(address.parameter("version"));
        Ok(Remote {
            key: key.to_owned().into(),
            property: gjson(address.property.as_ref()),
            version: id.or_else(|| stage.map(str::to_owned)).map(Into::into),
        })
    }

    /// An ARN names an account, and is judged by the name of the secret in it. A path is granted by who grants everything
    /// directly below it: no parameter is called "*".
    fn reach(&self, address: &Address) -> Reach {
        let mut reach = Reach::of(address);
        if by_path::is_path(address) {
            reach.path.push('*');
        }
        let fields = address.path.strip_prefix(ARN).map(|rest| rest.splitn(6, ':').collect::<Vec<_>>());
        if let Some([partition, _, region, account, _, name]) = fields.as_deref() {
            (*name).clone_into(&mut reach.path);
            reach.turns.retain(|(turn, value)| (turn.as_str(), value.as_str()) != ("region", region));
            let turns = [("partition", partition), ("region", region), ("account", account)];
            reach.turns.extend(turns.map(|(turn, value)| (turn.to_owned(), (*value).to_owned())));
        }
        reach
    }

    fn behind(&self, provider: &StoreProvider, remote: &Remote) -> Option<Result<Address<'static>, Problem>> {
        let facts = FACTS.iter().find(|facts| provider.field(&["service"]) == Some(service(facts.scheme)))?;
        let prefix = provider.field(&["prefix"]).unwrap_or_default();
        Some(resolve(facts.scheme, Raw::of_remote(format!("{prefix}{}", remote.key), remote)))
    }

    fn fields(&self) -> &'static [(&'static str, &'static str)] {
        &[("role", "AWS_ROLE_ARN")]
    }

    fn fetch(&self) -> Option<&dyn Fetch> {
        cfg!(feature = "aws").then_some(self)
    }

    fn feature(&self) -> Option<&'static str> {
        Some("aws")
    }

    fn authentication(&self) -> &'static str {
        "keys, profile, SSO, web identity (IRSA), container (pod identity), instance role"
    }
}

/// What a path of several parameters cannot have.
fn refuse_below(facts: &Facts, raw: &Raw) -> Result<(), Problem> {
    let version = raw.parameters.iter().find(|(name, _)| name == "version");
    match version {
        _ if raw.fragment.is_some() => Err(shape(facts)),
        Some((_, version)) if version.bytes().all(|c| c.is_ascii_digit()) => {
            Err(Problem::new("a version is that of one parameter, and this is a path of several")
                .hint("give a label that each of them has (?version=LABEL), or name each parameter"))
        }
        _ => Ok(()),
    }
}

/// As External Secrets calls it.
fn service(scheme: &str) -> &'static str {
    if scheme == "awssecrets" { "SecretsManager" } else { "ParameterStore" }
}

/// `PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME`, behind `arn:`.
fn arn(rest: &str) -> bool {
    let fields: Vec<&str> = rest.splitn(6, ':').collect();
    matches!(fields.as_slice(), [partition, "secretsmanager", region, account, "secret", name]
        if partition.starts_with("aws") && !region.is_empty() && !account.is_empty() && !name.is_empty())
}

fn arn_region(path: &str) -> Option<&str> {
    path.strip_prefix(ARN)?.split(':').nth(2)
}
