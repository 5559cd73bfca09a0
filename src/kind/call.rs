//! Calls of kinds: one SDK operation as a function of ids and a document, through the door in [`crate::aws`].

/// A call with a document as its body.
macro_rules! call {
    (|$aws:ident, $ids:ident| $name:literal, $operation:expr) => {
        |$aws, $ids, body| {
            let _ = &$ids;
            Box::pin(async move { $crate::aws::exchange!($aws, $name, $operation, Some(body)) })
        }
    };
}

/// A call without a body of ours.
macro_rules! fetch {
    (|$aws:ident, $ids:ident| $name:literal, $operation:expr) => {
        |$aws, $ids, _| {
            let _ = &$ids;
            Box::pin(async move { $crate::aws::exchange!($aws, $name, $operation, None) })
        }
    };
}

/// A page of an AgentCore listing.
macro_rules! page {
    (|$aws:ident, $ids:ident| $name:literal, $operation:expr, $size:literal) => {
        |$aws, $ids, token| {
            let _ = &$ids;
            Box::pin(async move {
                $crate::aws::exchange!($aws, $name, $operation.max_results($size).set_next_token(token), None)
            })
        }
    };
}

/// A page of a Cognito listing of a pool's children.
macro_rules! pool_page {
    (|$aws:ident| $name:literal, $operation:expr, $limit:literal, $size:literal) => {
        |$aws, ids, token| {
            Box::pin(async move {
                let mut body = serde_json::json!({"UserPoolId": ids.parent, $limit: $size});
                if let (Some(token), Some(members)) = (token, body.as_object_mut()) {
                    members.insert("NextToken".to_owned(), token.into());
                }
                $crate::aws::exchange!($aws, $name, $operation, Some(&body))
            })
        }
    };
}

pub(super) use {call, fetch, page, pool_page};
