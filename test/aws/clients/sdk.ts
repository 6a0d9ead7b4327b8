import { InvokeCommand, LambdaClient, LambdaServiceException } from "@aws-sdk/client-lambda";
import { type Answer, type AwsClient, fromBase64, type Invocation } from "./client.ts";

/** The AWS SDK for JavaScript. */
export function sdkClient(endpoint: string): AwsClient {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const client = new LambdaClient({ endpoint, region: "us-east-1", credentials, maxAttempts: 1 });
  return {
    async invoke({ name, payload, type, logType, clientContext, qualifier }: Invocation): Promise<Answer> {
      const input = {
        FunctionName: name,
        ...(payload !== undefined && { Payload: payload }),
        InvocationType: type,
        LogType: logType,
        ClientContext: clientContext,
        Qualifier: qualifier,
      };
      try {
        const answer = await client.send(new InvokeCommand(input));
        return {
          status: answer.StatusCode,
          functionError: answer.FunctionError,
          executedVersion: answer.ExecutedVersion,
          log: fromBase64(answer.LogResult),
          payload: answer.Payload?.transformToString(),
          requestId: answer.$metadata.requestId,
        };
      } catch (error) {
        if (!(error instanceof LambdaServiceException)) throw error;
        const { Reason: reason, retryAfterSeconds } = error as { Reason?: string; retryAfterSeconds?: string };
        const { httpStatusCode: status, requestId } = error.$metadata;
        const told = { name: error.name, message: error.message, status, reason, retryAfter: retryAfterSeconds };
        return { requestId, error: told };
      }
    },
    [Symbol.asyncDispose]: async () => client.destroy(),
  };
}
