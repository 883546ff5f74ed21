//! AWS: the chain of its SDKs (environment, profiles, SSO, web identity, containers, instance role), endpoints as they
//! find them, and Signature Version 4.

use std::time::{Duration, UNIX_EPOCH};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_types::service_config::ServiceConfigKey;
use zeroize::Zeroizing;

use crate::error::{Exit, Problem};
use crate::model::{AwsCall, AwsIdentity, AwsService, Method, Request};
use crate::outside::clock;

/// Who we are, once for each way to say it.
#[derive(Default)]
pub(super) struct Chain(Vec<(AwsIdentity, Result<Known, Problem>)>);

#[derive(Clone)]
struct Known {
    config: SdkConfig,
    credentials: Credentials,
}

impl Chain {
    /// Who did not come in time is not waited for again.
    pub(super) fn lost(&mut self, identity: AwsIdentity, problem: Problem) {
        self.0.push((identity, Err(problem)));
    }

    pub(super) async fn sign(&mut self, call: AwsCall) -> Result<Request, Problem> {
        let known = if let Some((_, known)) = self.0.iter().find(|(identity, _)| *identity == call.identity) {
            known.clone()
        } else {
            let known = establish(&call.identity, call.region.as_deref()).await;
            self.0.push((call.identity.clone(), known.clone()));
            known
        };
        let told = |problem: Problem| {
            let told = Problem::new(format!("{}: {}", call.operation, problem.message()));
            told.hint(problem.advice().unwrap_or_default()).exit(problem.code())
        };
        known.and_then(|known| signed(&call, &known)).map_err(told)
    }
}

async fn establish(identity: &AwsIdentity, region: Option<&str>) -> Result<Known, Problem> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest());
    if let Some(profile) = &identity.profile {
        loader = loader.profile_name(profile);
    }
    let mut config = loader.load().await;
    let provider = config.credentials_provider().ok_or_else(nobody)?;
    let credentials = match &identity.role {
        None => provider.provide_credentials().await,
        Some(role) => {
            if config.region().is_none()
                && let Some(region) = region
            {
                config = config.into_builder().region(aws_config::Region::new(region.to_owned())).build();
            }
            let role = AssumeRoleProvider::builder(role).session_name(SESSION).configure(&config);
            role.build().await.provide_credentials().await
        }
    };
    let credentials = credentials.map_err(|error| refused(&error, identity))?;
    Ok(Known { config, credentials })
}

/// How an assumed role is called in the logs of AWS: as sops does, without the name of the host.
const SESSION: &str = "sops@sealref";

fn nobody() -> Problem {
    Problem::new("no credentials of AWS were found")
        .hint("set AWS_PROFILE, log in (aws sso login), or give the pod a role; see the AWS SDK's credential chain")
}

/// The chain's own words may hold what it was given.
fn refused(error: &CredentialsError, identity: &AwsIdentity) -> Problem {
    match (error, &identity.role) {
        (CredentialsError::CredentialsNotLoaded(_), _) => nobody(),
        (CredentialsError::ProviderTimedOut(_), _) => {
            Problem::new("whoever gives out credentials of AWS does not answer")
                .hint("is the metadata service, or STS, reachable?")
                .exit(Exit::Source)
        }
        (CredentialsError::InvalidConfiguration(_), _) => Problem::new("the configuration of AWS cannot be used")
            .hint("look at the profile; one that starts a program (credential_process) is never used"),
        (_, Some(role)) => Problem::new(format!("the role \"{role}\" cannot be assumed"))
            .hint("does its trust policy name whoever runs this?")
            .exit(Exit::Source),
        (_, None) => Problem::new("AWS gives no credentials to whoever runs this")
            .hint("has the login expired (aws sso login), and does the role trust this identity?")
            .exit(Exit::Source),
    }
}

fn signed(call: &AwsCall, known: &Known) -> Result<Request, Problem> {
    let region = call.region.as_deref().or_else(|| known.config.region().map(AsRef::as_ref));
    let region = region
        .ok_or_else(|| Problem::new("no region is known").hint("set AWS_REGION, or write ?region= behind the path"))?;
    if !region.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-') {
        return Err(Problem::new(format!("\"{region}\" is no region of AWS")).hint("write it as eu-west-1"));
    }
    let url = endpoint(call.service, region, &known.config);
    let mut request = Request::post(call.operation.clone(), url, call.body.clone());
    // ThrottlingException, with each service in its own spelling around it
    request.busy = Some("Throttling");
    for (name, value) in [("content-type", JSON), ("x-amz-target", call.target)] {
        request.headers.retain(|(known, _)| *known != name);
        request = request.header(name, Zeroizing::new(value.to_owned()));
    }
    let headers = signature(&request, call.service.host, region, &known.credentials).ok_or_else(|| {
        Problem::new("the credentials of AWS cannot sign").hint("are they complete, and nothing but the credentials?")
    })?;
    request.headers.extend(headers);
    Ok(request)
}

const JSON: &str = "application/x-amz-json-1.1";

/// `AWS_ENDPOINT_URL`, for one service or all, and the same of a profile, go before the address of the region.
fn endpoint(service: AwsService, region: &str, config: &SdkConfig) -> String {
    let key =
        ServiceConfigKey::builder().service_id(service.id).env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = key.ok().and_then(|key| config.service_config()?.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned)).unwrap_or_else(|| {
        let fips = if config.use_fips() == Some(true) { "-fips" } else { "" };
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://{}{fips}.{region}.{suffix}/", service.host)
    })
}

/// The headers that show who asks. None: the vendor's library refuses what it got.
fn signature(
    request: &Request,
    service: &str,
    region: &str,
    credentials: &Credentials,
) -> Option<Vec<(&'static str, Zeroizing<String>)>> {
    let identity = credentials.clone().into();
    let now = UNIX_EPOCH + Duration::from_secs(u64::try_from(clock::now()).ok()?);
    let parameters = SigningParams::builder().identity(&identity).region(region).name(service).time(now);
    let parameters = parameters.settings(SigningSettings::default()).build().ok()?.into();
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let headers = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
    let body = SignableBody::Bytes(request.body.as_deref().map_or(&[], Vec::as_slice));
    let signable = SignableRequest::new(method, &request.url, headers, body).ok()?;
    let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
    let known = |name: &str| SIGNED.iter().find(|known| **known == name).copied();
    let owned = |(name, value): (&str, &str)| Some((known(name)?, Zeroizing::new(value.to_owned())));
    instructions.headers().map(owned).collect()
}

const SIGNED: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];
