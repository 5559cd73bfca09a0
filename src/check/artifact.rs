//! Runtime artifacts whose bytes can change without a plan.

use serde_json::Value;

use super::of_kind;
use crate::diagnostic::Diagnostic;
use crate::kind::RUNTIME;
use crate::stack::Stack;

pub(super) fn check(stack: &Stack, found: &mut Vec<Diagnostic>) {
    for runtime in of_kind(stack, &RUNTIME) {
        let artifact = runtime.document.get("agentRuntimeArtifact");
        let member = |pointer| artifact.and_then(|artifact| artifact.pointer(pointer));
        if let Some(image) = member("/containerConfiguration/containerUri").and_then(Value::as_str)
            && !image.contains("@sha256:")
        {
            let span = runtime.span_of("agentRuntimeArtifact.containerConfiguration.containerUri");
            found.push(
                Diagnostic::warning("check::mutable-artifact", "the image behind a tag can change without a plan")
                    .at(span.clone(), "no digest")
                    .help("name the image by digest: `…/REPOSITORY@sha256:…`")
                    .about(&runtime.address),
            );
        }
        if let Some(object) = member("/codeConfiguration/code/s3")
            && object.get("versionId").is_none()
        {
            let span = runtime.span_of("agentRuntimeArtifact.codeConfiguration.code.s3");
            found.push(
                Diagnostic::warning("check::mutable-artifact", "the object behind an S3 key can change without a plan")
                    .at(span.clone(), "no `version_id`")
                    .help("add the `version_id` of the uploaded object")
                    .about(&runtime.address),
            );
        }
    }
}
