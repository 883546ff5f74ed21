//! AWS Secrets Manager, the SSM Parameter Store, and each way to log in, against moto.

#![cfg(feature = "aws")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

#[path = "support/peer_server.rs"]
mod peer_server;
#[path = "support/peers.rs"]
mod peers;
#[path = "support/sealed.rs"]
mod sealed;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "support/server.rs"]
mod server;

use peer_server::PeerServer;
use sealed::{refuses, sealed, sealed_with};
use sealref::error::{Exit, Problem};
use sealref::model::{Ask, AwsCall, MasterKey, Raw, Reply, Wire, Wrapped};
use sealref::sources;
use server::Server;
use zeroize::Zeroizing;

/// What is in the account, by the vendor's own library.
const CONTENT: &str = r#"
import boto3, json, sys
def client(name, region="eu-west-1"):
    return boto3.client(name, endpoint_url=sys.argv[1], region_name=region,
                        aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="x")
secrets, parameters, roles = client("secretsmanager"), client("ssm"), client("iam")
out = {}
made = secrets.create_secret(Name="prod/db", SecretString=json.dumps(
    {"password": "first-s3cret", "port": 5432, "tls": {"key": "nested-s3cret"}, "emoji": "\U0001F511-s3cret", "empty": "", "list": [1]}))
out["arn"] = made["ARN"]; out["first"] = made["VersionId"]
put = secrets.put_secret_value(SecretId="prod/db", SecretString=json.dumps({"password": "second-s3cret"}))
secrets.create_secret(Name="plain", SecretString="plain-s3cret")
secrets.create_secret(Name="binary", SecretBinary=b"\x00\xff\x01s3cret")
secrets.create_secret(Name="novalue")
secrets.create_secret(Name="gone", SecretString="gone-s3cret"); secrets.delete_secret(SecretId="gone")
client("secretsmanager", "us-east-1").create_secret(Name="far", SecretString="far-s3cret")
parameters.put_parameter(Name="/prod/db/password", Value="one-s3cret", Type="SecureString")
parameters.put_parameter(Name="/prod/db/password", Value="two-s3cret", Type="SecureString", Overwrite=True)
parameters.label_parameter_version(Name="/prod/db/password", ParameterVersion=1, Labels=["stable"])
parameters.put_parameter(Name="/prod/db/replica/password", Value="deep-s3cret", Type="SecureString")
for n in range(25):
    parameters.put_parameter(Name=f"/prod/many/key{n:02}", Value=f"many-{n}-s3cret", Type="SecureString")
parameters.put_parameter(Name="/prod/many/key07", Value="newer-s3cret", Type="SecureString", Overwrite=True)
parameters.label_parameter_version(Name="/prod/many/key07", ParameterVersion=2, Labels=["stable"])
secrets.create_secret(Name="whole", SecretString='{"text": "s3cret", "number": 1.50, "yes": true, "none": null, "map": {"b":  [1, "x"]}}')
kms = client("kms"); key = kms.create_key()["KeyMetadata"]
out["key"] = key["Arn"]
import base64
for name, context in [("bound", {"app": "shop"}), ("free", {})]:
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"k" * 32, EncryptionContext=context)["CiphertextBlob"]
    out[name] = base64.b64encode(blob).decode()
parameters.put_parameter(Name="flat", Value='{"a": {"b": "json-s3cret"}}', Type="String")
out["role"] = roles.create_role(RoleName="reader", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
user = roles.create_user(UserName="ci")["User"]["UserName"]
roles.put_user_policy(UserName=user, PolicyName="read", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]}))
pair = roles.create_access_key(UserName=user)["AccessKey"]
out["user"] = pair["AccessKeyId"]; out["password"] = pair["SecretAccessKey"]
print(json.dumps(out))
"#;

struct Aws {
    server: PeerServer,
    made: BTreeMap<String, String>,
}

impl Aws {
    /// None where moto is missing.
    fn start() -> Option<Self> {
        let program = peers::peer("moto_server")?;
        let server =
            PeerServer::start(&program, |port| vec!["-H".into(), "127.0.0.1".into(), "-p".into(), port.to_string()]);
        let python = fs::canonicalize(program).unwrap().with_file_name("python");
        let made = Command::new(python).args(["-c", CONTENT, &server.url()]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(Self { made: serde_json::from_slice(&made.stdout).unwrap(), server })
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let pairs = [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "test-only"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let pairs = pairs.into_iter().map(|(name, value)| (name, value.to_owned()));
        pairs.chain([("AWS_ENDPOINT_URL", self.server.url())]).collect()
    }
}

fn borrowed<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    pairs.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn expected(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), format!("{value:?}"))).collect()
}

#[test]
fn whole_secrets_are_read_key_by_key_as_external_secrets_extracts_them() {
    let Some(aws) = Aws::start() else { return };
    let environment = aws.environment();
    let environment = borrowed(&environment);
    let found = sealed_with(
        &["ref+awssecrets://whole", "ref+awsssm://flat"],
        &[("own", "ref+awssecrets://plain")],
        &environment,
    );
    let pairs = [
        ("a", r#"{"b": "json-s3cret"}"#),
        ("map", r#"{"b":  [1, "x"]}"#),
        ("none", ""),
        ("number", "1.50"),
        ("own", "plain-s3cret"),
        ("text", "s3cret"),
        ("yes", "true"),
    ];
    assert_eq!(found, Ok(expected(&pairs)));
    // An explicit key wins, and the later of two whole secrets
    let found = sealed_with(&["ref+awssecrets://prod/db", "ref+awsssm:///prod/db/"], &[], &environment);
    assert_eq!(found, Ok(expected(&[("password", "two-s3cret")])));
    let found = sealed_with(&["ref+awsssm:///prod/db/"], &[("password", "ref+awssecrets://plain")], &environment);
    assert_eq!(found, Ok(expected(&[("password", "plain-s3cret")])));
    let (exit, told) = sealed_with(&["ref+awssecrets://plain"], &[], &environment).unwrap_err();
    assert!(exit == 1 && told.contains("the secret is no map of keys, and every key is asked for\nhint: "), "{told}");
}

#[test]
fn parameters_below_a_path_are_read_page_by_page() {
    let Some(aws) = Aws::start() else { return };
    let environment = aws.environment();
    let environment = borrowed(&environment);
    let found = sealed_with(&["ref+awsssm:///prod/many/"], &[], &environment).unwrap();
    assert_eq!(found.len(), 25, "{found:?}");
    assert_eq!((found["key00"].as_str(), found["key07"].as_str()), ("\"many-0-s3cret\"", "\"newer-s3cret\""));
    let found = sealed_with(&["ref+awsssm://prod/many/?version=stable&region=eu-west-1"], &[], &environment);
    assert_eq!(found, Ok(expected(&[("key07", "newer-s3cret")])));
    let refused = [
        ("ref+awsssm:///prod/", "reading the parameters below \"/prod/\": there are none, or access is denied"),
        ("ref+awsssm:///prod/many/?version=1", "a version is that of one parameter"),
        ("ref+awsssm:///prod/many/#/a", "a path of awsssm has another shape"),
        ("ref+awsssm:///", "the reference has no path"),
        ("ref+awsssm:///prod//", "a segment of the path is empty"),
        ("ref+awsssm:///prod/many/?region=us-east-1", "there are none"),
    ];
    for (whole, words) in refused {
        let (exit, told) = sealed_with(&[whole], &[], &environment).unwrap_err();
        assert!(exit == 1 && told.contains(words) && told.contains("\nhint: "), "{whole}: {told}");
    }
    refuses("ref+awsssm:///prod/many/", &environment, 1, "a segment of the path is empty");
}

#[test]
fn secrets_and_parameters_are_read() {
    let Some(aws) = Aws::start() else { return };
    let (arn, first) = (&aws.made["arn"], &aws.made["first"]);
    let table = [
        ("json", "ref+awssecrets://prod/db#/password".to_owned(), "\"second-s3cret\""),
        ("stage", "ref+awssecrets://prod/db?version_stage=AWSPREVIOUS#/password".into(), "\"first-s3cret\""),
        ("id", format!("ref+awssecrets://prod/db?version_id={first}#/tls/key"), "\"nested-s3cret\""),
        ("number", format!("ref+awssecrets://prod/db?version_id={first}#/port"), "\"5432\""),
        ("unicode", format!("ref+awssecrets://prod/db?version_id={first}#/emoji"), "\"\u{1f511}-s3cret\""),
        ("arn", format!("ref+awssecrets://{arn}#/password"), "\"second-s3cret\""),
        ("plain", "ref+awssecrets://plain".into(), "\"plain-s3cret\""),
        ("binary", "ref+awssecrets://binary".into(), "[00, ff, 01, 73, 33, 63, 72, 65, 74]"),
        ("region", "ref+awssecrets://far?region=us-east-1".into(), "\"far-s3cret\""),
        ("parameter", "ref+awsssm://prod/db/password".into(), "\"two-s3cret\""),
        ("version", "ref+awsssm:///prod/db/password?version=1".into(), "\"one-s3cret\""),
        ("label", "ref+awsssm://prod/db/password?version=stable".into(), "\"one-s3cret\""),
        ("flat", "ref+awsssm://flat#/a/b".into(), "\"json-s3cret\""),
    ];
    let references: Vec<(&str, &str)> = table.iter().map(|(key, reference, _)| (*key, reference.as_str())).collect();
    let found = sealed(&references, &borrowed(&aws.environment())).unwrap();
    let expected: BTreeMap<_, _> =
        table.iter().map(|(key, _, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_is_not_there_is_told_without_its_answer() {
    let Some(aws) = Aws::start() else { return };
    let environment = aws.environment();
    let first = &aws.made["first"];
    let table = [
        ("ref+awssecrets://absent", "reading the secret \"absent\": it is not there, or has no such version ("),
        ("ref+awssecrets://plain?version_stage=OLD", "it is not there, or has no such version"),
        ("ref+awssecrets://far", "it is not there"),
        ("ref+awssecrets://novalue", "reading the secret \"novalue\": it is not there, or has no such version"),
        ("ref+awssecrets://gone", "it is marked for deletion"),
        ("ref+awsssm://prod/absent", "reading the parameter \"/prod/absent\": it is not there"),
        ("ref+awsssm://flat?version=9", "it is not there, or has no such version (400 ParameterVersionNotFound)"),
        ("ref+awssecrets://prod/db#/absent", "no key \"absent\""),
        ("ref+awssecrets://binary#/key", "that a key can be looked up in"),
        ("ref+awssecrets://plain?region=evil.test/", "\"evil.test/\" is no region of AWS"),
        (&format!("ref+awssecrets://prod/db?version_id={first}#/empty"), "the value is empty"),
        (&format!("ref+awssecrets://prod/db?version_id={first}#/tls"), "the key leads to a map"),
        (&format!("ref+awssecrets://prod/db?version_id={first}#/list"), "the key leads to a list"),
    ];
    for (reference, words) in table {
        refuses(reference, &borrowed(&environment), 1, words);
    }
}

/// Refuses every call with one of AWS' own names.
struct Refusing(&'static str);

impl Wire for Refusing {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let body = format!("{{\"__type\": \"com.amazonaws#{}\", \"message\": \"s3cret-canary\"}}", self.0);
        let reply = |_| Ok(Reply { bytes: Zeroizing::new(body.clone().into_bytes()), status: 400 });
        asks.into_iter().map(reply).collect()
    }
}

/// No emulator looks at the clock.
#[test]
fn a_clock_that_is_wrong_is_named_e19() {
    let raw = Raw { path: "db".into(), parameters: vec![], fragment: None, whole: false };
    let address = sources::resolve("awssecrets", raw).unwrap();
    let fetch = sources::find("awssecrets").unwrap().0.fetch().unwrap();
    for name in ["InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed"] {
        let told = fetch.fetch(&[&address], &mut Refusing(name)).remove(0).err().unwrap();
        assert_eq!(told.code(), Exit::Source, "{name}: {told}");
        assert!(told.advice().unwrap().contains("clock") && !told.to_string().contains("canary"), "{name}: {told}");
    }
}

#[test]
fn one_secret_is_asked_once_and_nothing_else_is_wrong_with_the_rest() {
    let Some(aws) = Aws::start() else { return };
    let references = [
        ("a", "ref+awssecrets://prod/db#/password"),
        ("b", "ref+awssecrets://absent#/x"),
        ("c", "ref+awsssm://absent/y"),
    ];
    let (code, told) = sealed(&references, &borrowed(&aws.environment())).unwrap_err();
    assert_eq!((code, told.matches("error: ").count()), (1, 2), "{told}");
    assert!(told.contains("Secret prod/db, stringData.b: ") && told.contains("stringData.c: "), "{told}");
}

/// Each kind of credentials that can be had on loopback reads one secret.
#[test]
fn each_way_to_log_in_reads_a_secret() {
    let Some(aws) = Aws::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| -> String {
        let path: PathBuf = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = aws.server.url();
    let role = aws.made["role"].clone();
    let keys = "aws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = test-only\n";
    let credentials = file("credentials", format!("[prod]\n{keys}"));
    let config = file(
        "config",
        format!(
            "[profile prod]\nregion = eu-west-1\nservices = local\n[services local]\nsecrets_manager =\n  \
             endpoint_url = {url}\n[profile assuming]\nrole_arn = {role}\nsource_profile = prod\nregion = eu-west-1\n"
        ),
    );
    let token = file("token", "header.payload.signature".to_owned());
    let shared = [("AWS_SHARED_CREDENTIALS_FILE", &*credentials), ("AWS_CONFIG_FILE", &*config)];
    let here = [("AWS_ENDPOINT_URL", &*url), ("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    let container = Server::start(|stream, request, _| {
        assert!(request.to_lowercase().contains("authorization: container-token"), "{request}");
        server::answer(
            stream,
            200,
            "content-type: application/json\r\n",
            "{\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"test-only\",\"Token\":\"session\",\
             \"Expiration\":\"2099-01-01T00:00:00Z\"}",
        );
    });
    let container = container.url("/credentials");
    let table: [(&str, Vec<(&str, &str)>); 4] = [
        ("a profile with an endpoint of one service", [&shared[..], &[("AWS_PROFILE", "prod")]].concat()),
        ("a profile that assumes a role", [&shared[..], &here, &[("AWS_PROFILE", "assuming")]].concat()),
        (
            "a container's credentials",
            [
                &here[..],
                &[
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*container),
                    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token"),
                ],
            ]
            .concat(),
        ),
        ("web identity", [&here[..], &[("AWS_WEB_IDENTITY_TOKEN_FILE", &*token), ("AWS_ROLE_ARN", &*role)]].concat()),
    ];
    for (way, environment) in table {
        let found = sealed(&[("key", "ref+awssecrets://plain")], &environment);
        assert_eq!(found.map(|found| found["key"].clone()), Ok("\"plain-s3cret\"".to_owned()), "{way}");
    }
    refuses("ref+awssecrets://plain", &here, 1, "no credentials of AWS were found");
    let lost = [&here[..], &[("AWS_PROFILE", "absent")], &shared[..]].concat();
    refuses("ref+awssecrets://plain", &lost, 1, "no credentials of AWS were found");
}

/// moto computes each signature anew, as AWS does, once it is told to.
#[test]
fn signatures_are_right_and_what_is_not_granted_is_denied() {
    let Some(aws) = Aws::start() else { return };
    post(aws.server.port, "/moto-api/reset-auth", &[], b"0");
    let with = |user: &str, password: &str| {
        let mut environment = aws.environment();
        environment.retain(|(name, _)| !name.contains("KEY"));
        environment.push(("AWS_ACCESS_KEY_ID", user.to_owned()));
        environment.push(("AWS_SECRET_ACCESS_KEY", password.to_owned()));
        environment
    };
    let (user, password) = (&*aws.made["user"], &*aws.made["password"]);
    let environment = with(user, password);
    let found = sealed(&[("key", "ref+awssecrets://plain")], &borrowed(&environment));
    assert_eq!(found.map(|found| found["key"].clone()), Ok("\"plain-s3cret\"".to_owned()));
    refuses("ref+awsssm://flat", &borrowed(&environment), 1, "access is denied");
    let environment = with(user, "another-password");
    refuses("ref+awssecrets://plain", &borrowed(&environment), 1, "access is denied (403 AccessDenied)");
    let environment = with("AKIAUNKNOWN", password);
    refuses("ref+awssecrets://plain", &borrowed(&environment), 1, "access is denied (403 AccessDenied)");
}

/// Passes calls on to moto as they are, without a signature.
struct Unsigned(u16);

impl Wire for Unsigned {
    fn ask_all(&mut self, asks: Vec<Ask>) -> Vec<Result<Reply, Problem>> {
        let answer = |ask| {
            let Ask::Aws(AwsCall { target, body, region, service, .. }) = ask else { panic!("not a call of AWS") };
            let region = region.unwrap();
            let scope =
                format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/{region}/{}/aws4_request", service.host);
            let headers =
                [("X-Amz-Target", target), ("Authorization", &scope), ("Content-Type", "application/x-amz-json-1.1")];
            let (status, bytes) = post(self.0, "/", &headers, &body);
            Ok(Reply { bytes: Zeroizing::new(bytes), status })
        };
        asks.into_iter().map(answer).collect()
    }
}

fn post(port: u16, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Vec<u8>) {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = vec![];
    stream.read_to_end(&mut answer).unwrap();
    let end = memchr::memmem::find(&answer, b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

#[test]
fn data_keys_are_opened_by_kms() {
    let Some(aws) = Aws::start() else { return };
    let mut wire = Unsigned(aws.server.port);
    let mut open = |ciphertext: &str, context: &[(&str, &str)]| {
        let context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let key = MasterKey::Aws { arn: aws.made["key"].clone(), role: None, profile: None, context };
        let (_, keys) = sources::holder(&key).unwrap();
        assert!(!keys.configured(&key, &mut wire).unwrap());
        keys.unwrap(&Wrapped { key, ciphertext: ciphertext.to_owned() }, &mut wire).map(|key| key.to_vec())
    };
    let (bound, free) = (&aws.made["bound"], &aws.made["free"]);
    assert_eq!(open(bound, &[("app", "shop")]), Ok(vec![b'k'; 32]));
    assert_eq!(open(free, &[]), Ok(vec![b'k'; 32]));
    let told = open(bound, &[]).unwrap_err();
    assert!(told.message().contains("it is not encrypted under this key, or was bound to another context"), "{told}");
}

/// Nobody but the metadata service that is named is asked, with a token of its own (version 2), and not for long.
#[test]
fn a_metadata_service_that_is_absent_slow_or_an_imposter_is_told_in_time_e20() {
    let nobody = {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", closed.local_addr().unwrap())
    };
    let slow = Server::start(|_, _, _| std::thread::sleep(std::time::Duration::from_secs(3)));
    // It gives credentials to whoever asks, as version 1 does
    let imposter = Server::start(|stream, request, _| match request.split(' ').nth(1).unwrap() {
        "/latest/api/token" => server::answer(stream, 404, "", "leaked-s3cret"),
        path if path.ends_with("/security-credentials/") => server::answer(stream, 200, "", "role"),
        _ => server::answer(
            stream,
            200,
            "",
            r#"{"Code": "Success", "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "leaked-s3cret", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}"#,
        ),
    });
    for (name, url) in [("absent", nobody), ("slow", slow.url("")), ("imposter", imposter.url(""))] {
        let environment = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*url),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ];
        let start = std::time::Instant::now();
        let (exit, told) = sealed(&[("key", "ref+awssecrets://prod/db")], &environment).unwrap_err();
        assert!(start.elapsed().as_secs() < 20, "{name}: {:?}", start.elapsed());
        assert!([1, 4].contains(&exit) && told.contains("AWS") && told.contains("\nhint: "), "{name}: {told}");
        assert!(!told.contains("attempts"), "{name}: a service was asked with what it gave: {told}");
    }
}
