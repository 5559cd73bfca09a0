"""Asks an endpoint for one gateway again and again through boto3, and prints how many answers came in a second."""

import sys
import time

import boto3

count = int(sys.argv[2])
client = boto3.client("bedrock-agentcore-control", endpoint_url=sys.argv[1], region_name="us-east-1")
gateway = client.create_gateway(
    name="boto3",
    roleArn="arn:aws:iam::111122223333:role/bench",
    protocolType="MCP",
    authorizerType="NONE",
)["gatewayId"]
for _ in range(20):
    client.get_gateway(gatewayIdentifier=gateway)
begun = time.perf_counter()
for _ in range(count):
    client.get_gateway(gatewayIdentifier=gateway)
print(count / (time.perf_counter() - begun))
