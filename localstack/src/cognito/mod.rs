//! Cognito: user pools with what lives in them, the users who sign in, and the tokens that they and clients get.

pub(crate) mod authorization_endpoint;
pub(crate) mod client_token;
pub(crate) mod group;
pub(crate) mod identity_provider;
pub(crate) mod oauth_request;
pub(crate) mod password;
pub(crate) mod refresh_token;
pub(crate) mod resource_server;
pub(crate) mod sign_in;
pub(crate) mod signing_key;
pub(crate) mod ticket;
pub(crate) mod token;
pub(crate) mod token_endpoint;
pub(crate) mod user;
pub(crate) mod user_attribute;
pub(crate) mod user_filter;
pub(crate) mod user_group;
pub(crate) mod user_pool;
pub(crate) mod user_pool_attribute;
pub(crate) mod user_pool_client;
pub(crate) mod user_pool_client_secret;
pub(crate) mod user_pool_defaults;
pub(crate) mod user_pool_domain;
pub(crate) mod user_pool_endpoint;
