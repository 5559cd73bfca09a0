//! What the stand-in in process is told of a stack, because no call would tell AWS either.

use localstack::Localstack;

use crate::aws::Aws;
use crate::kind::GATEWAY_TARGET;
use crate::reference::is_unknown;
use crate::stack::Stack;

/// Tells the tools of targets that list theirs elsewhere, so that the stand-in refuses policies about others. Of a gateway that is
/// not the manifest's nobody knows the name, so it goes on taking any tool there.
pub fn tell(stand_in: &Localstack, stack: &Stack, aws: &Aws) {
    let mut stack = stack.clone();
    stack.resolve_aws(&aws.account, &aws.region, &aws.partition);
    for target in stack.resources.iter().filter(|resource| *resource.kind == GATEWAY_TARGET) {
        let gateway = target.parent.as_ref().and_then(|gateway| stack.resource(gateway)?.live_name());
        let (Some(tools), Some(gateway), Some(name)) = (&target.known_tools, gateway, target.live_name()) else {
            continue;
        };
        if !is_unknown(gateway) && !is_unknown(name) {
            stand_in.known_tools(gateway, name, tools.clone());
        }
    }
}
