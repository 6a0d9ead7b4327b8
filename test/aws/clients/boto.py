"""Calls AWS Lambda with boto3 as it is: a line {"method": …, "arguments": {…}} in, a line with the answer out."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

client = boto3.client("lambda")


def call(method, arguments):
    for name in ("Payload", "InvokeArgs"):
        if name in arguments:
            arguments[name] = arguments[name].encode()
    try:
        answer = getattr(client, method)(**arguments)
    except ClientError as error:
        return {"error": error.response}
    if "Payload" in answer:
        answer["Payload"] = answer["Payload"].read().decode()
    if "EventStream" in answer:
        events = list(answer.pop("EventStream"))
        chunks = [event["PayloadChunk"]["Payload"].decode() for event in events if "PayloadChunk" in event]
        answer["Pieces"] = chunks
        answer["Ends"] = [event["InvokeComplete"] for event in events if "InvokeComplete" in event]
    return {"answer": answer}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(call(request["method"], request["arguments"])), flush=True)
