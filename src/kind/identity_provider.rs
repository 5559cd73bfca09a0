//! `identity_provider`: where the users of a pool may sign in instead (service.md §13.5).

use super::{Exception, Kind, List, Names, Output, Parent, Rule, Service, UpdateStyle, call, pool_page, same, text_at};

/// An external identity provider of a user pool.
pub static IDENTITY_PROVIDER: Kind = Kind {
    name: "identity_provider",
    service: Service::Cognito,
    parent: Some(Parent { kind: "user_pool", member: "UserPoolId" }),
    name_member: "ProviderName",
    name_key: "name",
    names: Names::InParent,
    id_member: "ProviderName",
    request_id: "ProviderName",
    arn: None,
    tags_member: None,
    wrapper: Some("IdentityProvider"),
    create: (
        "CreateIdentityProvider",
        call!(|aws, ids| "CreateIdentityProvider", aws.cognito_once.create_identity_provider()),
    ),
    read: (
        "DescribeIdentityProvider",
        call!(|aws, ids| "DescribeIdentityProvider", aws.cognito.describe_identity_provider()),
    ),
    update: Some((
        "UpdateIdentityProvider",
        call!(|aws, ids| "UpdateIdentityProvider", aws.cognito.update_identity_provider()),
    )),
    delete: (
        "DeleteIdentityProvider",
        call!(|aws, ids| "DeleteIdentityProvider", aws.cognito.delete_identity_provider()),
    ),
    list: List {
        operation: "ListIdentityProviders",
        items: "Providers",
        id: "ProviderName",
        name: "ProviderName",
        complete: false,
        call: pool_page!(|aws| "ListIdentityProviders", aws.cognito.list_identity_providers(), "MaxResults", 60),
    },
    companions: &[],
    update_style: UpdateStyle::FullReplace,
    lifecycle: None,
    outputs: &[Output { name: "name", about: "the provider's name", value: |live, _| text_at(live, "/ProviderName") }],
    reference_keys: &[],
    exceptions: &[
        Exception {
            path: "ProviderDetails",
            rule: Rule::Filled,
            reason: "Describe adds derived keys such as endpoints (service.md §13.5)",
        },
        Exception {
            path: "AttributeMapping",
            rule: Rule::Kept(Some("{}")),
            reason: "an update may keep what it leaves out; an empty map clears it",
        },
        Exception {
            path: "IdpIdentifiers",
            rule: Rule::Kept(Some("[]")),
            reason: "an update may keep what it leaves out; an empty list clears it",
        },
        Exception {
            path: "AcrMapping",
            rule: Rule::Kept(Some("{}")),
            reason: "an update may keep what it leaves out; an empty map clears it",
        },
    ],
    // The details are a map: these are keys of the providers, not members of the API. Known are `client_secret` and
    // `private_key`; what is called like one is held to be one.
    secrets: &["ProviderDetails.*secret*", "ProviderDetails.*private_key*", "ProviderDetails.*password*"],
    view: same,
};
