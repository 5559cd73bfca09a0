//! Tags of live resources: read, merged in, taken off.

use serde_json::{Value, json};

use crate::aws::{Aws, CallError, exchange};
use crate::kind::{Kind, Place, Service};
use crate::ownership::Tags;

/// The tags of a resource.
///
/// # Errors
/// The call failed.
pub async fn read(aws: &Aws, service: Service, arn: &str) -> Result<Tags, CallError> {
    let answer = match service {
        Service::AgentCore => {
            exchange!(aws, "ListTagsForResource", aws.agentcore.list_tags_for_resource().resource_arn(arn), None)?
        }
        Service::Cognito => {
            let body = json!({"ResourceArn": arn});
            exchange!(aws, "ListTagsForResource", aws.cognito.list_tags_for_resource(), Some(&body))?
        }
    };
    let table = answer.get("tags").or_else(|| answer.get("Tags"));
    Ok(from_document(table.unwrap_or(&Value::Null)))
}

/// The ARN of a live child that can be tagged: the one that the service shows, since its documents disagree about the form.
pub fn arn_of_child(kind: &Kind, document: &Value, place: &Place) -> Option<String> {
    let can_be_tagged = kind.arn.is_none() && kind.tags_member.is_some();
    kind.output("arn").filter(|_| can_be_tagged).and_then(|output| (output.value)(document, place))
}

/// Tags as a document holds them.
pub fn from_document(table: &Value) -> Tags {
    let pairs = table.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// Merges tags into those of a resource; others stay.
///
/// # Errors
/// The call failed.
pub async fn write(aws: &Aws, service: Service, arn: &str, tags: &Tags) -> Result<(), CallError> {
    if tags.is_empty() {
        return Ok(());
    }
    match service {
        Service::AgentCore => {
            let body = json!({"tags": tags});
            exchange!(aws, "TagResource", aws.agentcore.tag_resource().resource_arn(arn), Some(&body))?
        }
        Service::Cognito => {
            let body = json!({"ResourceArn": arn, "Tags": tags});
            exchange!(aws, "TagResource", aws.cognito.tag_resource(), Some(&body))?
        }
    };
    Ok(())
}

/// Takes tags off a resource.
///
/// # Errors
/// The call failed.
pub async fn remove(aws: &Aws, service: Service, arn: &str, keys: &[String]) -> Result<(), CallError> {
    if keys.is_empty() {
        return Ok(());
    }
    match service {
        Service::AgentCore => {
            let call = aws.agentcore.untag_resource().resource_arn(arn).set_tag_keys(Some(keys.to_vec()));
            exchange!(aws, "UntagResource", call, None)?
        }
        Service::Cognito => {
            let body = json!({"ResourceArn": arn, "TagKeys": keys});
            exchange!(aws, "UntagResource", aws.cognito.untag_resource(), Some(&body))?
        }
    };
    Ok(())
}
