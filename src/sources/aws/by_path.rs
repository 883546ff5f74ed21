//! GetParametersByPath of the SSM Parameter Store: every parameter directly below a path, page by page.
//! The request: `API_GetParametersByPath`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::fetch::{SERVER_OF_PARAMETERS, call};
use super::refusal::refusal;
use crate::error::Problem;
use crate::limits;
use crate::model::{Address, Ask, Keys, Payload, Wire};
use crate::sources::answer::{Text, bytes, json as read_json};

/// Does the address name what stands below a path?
pub(super) fn is_path(address: &Address) -> bool {
    address.path.ends_with('/')
}

/// One answer for each address, in order.
pub(super) fn fetch(wanted: &[&Address<'static>], wire: &mut dyn Wire) -> Vec<Result<Payload, Problem>> {
    wanted.iter().map(|address| all(address, wire).map(Payload::whole)).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    parameters: Vec<Parameter>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    name: String,
    value: Text,
}

fn all(address: &Address, wire: &mut dyn Wire) -> Result<Keys, Problem> {
    let operation = format!("reading the parameters below \"{}\"", address.path);
    let (mut keys, mut token) = (Keys::new(), None);
    for _ in 0..limits::PAGES {
        let body = request(address, token.as_deref());
        let reply = wire.ask(Ask::Aws(call(address, operation.clone(), "AmazonSSM.GetParametersByPath", &body)))?;
        if reply.status != 200 {
            return Err(refusal(&operation, &reply));
        }
        let page: Page = read_json(&reply.bytes, SERVER_OF_PARAMETERS)?;
        for Parameter { name, value } in page.parameters {
            // A name that is not below the path is none that was asked for
            if let Some(key) = name.strip_prefix(&*address.path) {
                keys.push((key.to_owned(), bytes(value)));
            }
        }
        token = page.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    match token {
        Some(_) => Err(Problem::new(format!("{operation}: there are more than a Secret can hold"))
            .hint("give the path of fewer parameters")),
        None if keys.is_empty() => Err(Problem::new(format!("{operation}: there are none, or access is denied"))
            .hint("are path, label and region right? what stands deeper has a path of its own")),
        None => Ok(keys),
    }
}

/// A version that is no number is a label.
fn request(address: &Address, token: Option<&str>) -> Value {
    let filter = |label| json!([{ "Key": "Label", "Option": "Equals", "Values": [label] }]);
    let fields = [
        ("NextToken", token.map(Value::from)),
        ("ParameterFilters", address.parameter("version").map(filter)),
        ("Path", Some(address.path.trim_end_matches('/').into())),
        ("WithDecryption", Some(true.into())),
    ];
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}
