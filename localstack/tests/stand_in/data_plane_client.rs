//! A client that others wrote, `rmcp`'s, against the endpoint of a gateway.

use std::collections::HashMap;
use std::sync::Arc;

use ::http::{HeaderName, HeaderValue, Request, header};
use bytes::Bytes;
use localstack::Dropped;
use rmcp::ServiceExt;
use rmcp::model::{CallToolRequestParams, ClientJsonRpcMessage};
use rmcp::service::ServiceError;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::common::client_side_sse::BoxedSseResponse;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError, StreamableHttpPostResponse,
};
use serde_json::json;

use super::data_plane::Scene;
use super::*;

/// HTTP to a stand-in in this process.
#[derive(Clone)]
struct InProcess(Localstack);

type Problem = StreamableHttpError<Dropped>;

impl StreamableHttpClient for InProcess {
    type Error = Dropped;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        token: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Problem> {
        assert_eq!(session, None);
        let mut request = Request::post(&*uri).header(header::CONTENT_TYPE, "application/json");
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.unwrap_or_default()));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let body = Bytes::from(serde_json::to_vec(&message).unwrap());
        let response = self.0.handle(request.body(body).unwrap()).await.map_err(StreamableHttpError::Client)?;
        match response.status().as_u16() {
            202 => Ok(StreamableHttpPostResponse::Accepted),
            200 => Ok(StreamableHttpPostResponse::Json(serde_json::from_slice(response.body())?, None)),
            status => Err(StreamableHttpError::UnexpectedServerResponse(status.to_string().into())),
        }
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        _: Arc<str>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Problem> {
        panic!("there is no session")
    }

    async fn get_stream(
        &self,
        _: Arc<str>,
        _: Option<Arc<str>>,
        _: Option<String>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxedSseResponse, Problem> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_of_others_lists_calls_and_is_denied() {
    let scene = Scene::new().await;
    let url = at(&ok(&scene.local, "GetGateway", json!({"gatewayIdentifier": scene.gateway})).await, "/gatewayUrl");
    let connect = async |token: String| {
        let config = StreamableHttpClientTransportConfig::with_uri(url.clone()).auth_header(token);
        ().serve(StreamableHttpClientTransport::with_client(InProcess(scene.local.clone()), config)).await
    };
    let client = connect(scene.token(1).await).await.unwrap();
    let server = client.peer_info().unwrap().clone();
    assert_eq!(
        (server.server_info.as_ref().unwrap().name.as_str(), server.protocol_version.as_str()),
        ("orders", "2025-03-26")
    );
    let tools = client.list_all_tools().await.unwrap();
    assert_eq!(tools.len(), 4);
    let call = |tool: &'static str| {
        let arguments = json!({"id": 7}).as_object().unwrap().clone();
        client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments))
    };
    assert_eq!(call("orders___update").await.unwrap().is_error, Some(false));
    match call("orders___refund").await {
        Err(ServiceError::McpError(error)) => assert_eq!(error.code.0, -32002),
        other => panic!("{other:?}"),
    }
    assert!(connect("forged".to_owned()).await.is_err());
}
