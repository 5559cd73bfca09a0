//! Policies that name a gateway by its ARN, which nobody knows before it is made.

use serde_json::json;

use crate::access::{json_of, shop};

/// The ARN of a gateway that is not made yet is not known: a policy that writes one out may be about it.
#[test]
fn a_gateway_that_is_named_by_its_arn_may_be_this_one() {
    let policy = r#"
[policy.literal]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"pay___look",
  resource == AgentCore::Gateway::"arn:aws:bedrock-agentcore:us-east-1:111122223333:gateway/shop-0123456789");
'''
"#;
    let terminal = shop(policy);
    let matrix = json_of(&terminal.run(&["access", "--format", "json"]));
    let guest = matrix.pointer("/environments/0/gateways/0/callers/2/tools").unwrap();
    assert_eq!(guest, &json!({"pay/refund": "never", "pay/look": "sometimes"}));
    let notes = matrix.pointer("/environments/0/gateways/0/notes/0").unwrap().as_str().unwrap();
    assert!(notes.contains("`policy.literal` names a gateway by its ARN, which may be this one"), "{notes}");
}

/// The same whatever part of it is not known.
#[test]
fn a_gateway_that_is_named_in_part_may_be_this_one() {
    let terminal = shop(
        r#"
[policy.literal]
policy_engine = "guard"
definition.cedar.statement = '''
permit(principal is AgentCore::OAuthUser, action == AgentCore::Action::"pay___look",
  resource == AgentCore::Gateway::"arn:aws:bedrock-agentcore:${aws.region}:${aws.account}:gateway/shop-0123456789");
'''
"#,
    );
    let matrix = json_of(&terminal.run(&["access", "--format", "json"]));
    let guest = matrix.pointer("/environments/0/gateways/0/callers/2/tools").unwrap();
    assert_eq!(guest, &json!({"pay/refund": "never", "pay/look": "sometimes"}));
}
