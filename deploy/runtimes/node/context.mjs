/**
 * What a handler is told of its invocation, with AWS's names
 * (docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html).
 * @param headers those of the Runtime API's event
 */
export function contextOf(headers, environment) {
  const deadlineMs = Number(headers["lambda-runtime-deadline-ms"]);
  return {
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    clientContext: parsed(headers["lambda-runtime-client-context"]),
    identity: parsed(headers["lambda-runtime-cognito-identity"]),
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

/** JSON in a header: it is UTF-8, which Node reads as Latin-1. A client may send anything as its context. */
function parsed(header) {
  if (!header) return undefined;
  try {
    return JSON.parse(Buffer.from(header, "latin1").toString("utf8"));
  } catch {
    return undefined;
  }
}
