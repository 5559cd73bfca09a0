"""Asks endpoints for one gateway each through boto3, in turns, and prints for each the median of how many answers came in a second."""

import statistics
import sys
import time

import boto3

ROUNDS = 20


def ready(endpoint):
    """A client with the identifier of a gateway, both warm."""
    client = boto3.client("bedrock-agentcore-control", endpoint_url=endpoint, region_name="us-east-1")
    gateway = client.create_gateway(
        name="boto3",
        roleArn="arn:aws:iam::111122223333:role/bench",
        protocolType="MCP",
        authorizerType="NONE",
    )["gatewayId"]
    for _ in range(20):
        client.get_gateway(gatewayIdentifier=gateway)
    return client, gateway, []


requests = int(sys.argv[1])
asked = [ready(endpoint) for endpoint in sys.argv[2:]]
for _ in range(ROUNDS):
    for client, gateway, rates in asked:
        begun = time.perf_counter()
        for _ in range(requests // ROUNDS):
            client.get_gateway(gatewayIdentifier=gateway)
        rates.append(requests // ROUNDS / (time.perf_counter() - begun))
for _, _, rates in asked:
    print(statistics.median(rates))
