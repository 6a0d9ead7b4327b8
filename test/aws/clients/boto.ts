import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Answer, type AwsClient, clientEnvironment, fromBase64, type Invocation } from "./client.ts";
import type { PythonClients } from "./python.ts";

interface BotoResponse {
  readonly ResponseMetadata: {
    readonly RequestId: string;
    readonly HTTPStatusCode: number;
    readonly HTTPHeaders: Readonly<Record<string, string>>;
  };
}
/** How a streamed answer ended. */
interface StreamEnd {
  readonly ErrorCode?: string;
  readonly ErrorDetails?: string;
  readonly LogResult?: string;
}
interface BotoAnswer extends BotoResponse {
  readonly StatusCode?: number;
  readonly Status?: number;
  readonly FunctionError?: string;
  readonly ExecutedVersion?: string;
  readonly LogResult?: string;
  readonly Payload?: string;
  readonly Pieces?: readonly string[];
  readonly Ends?: readonly StreamEnd[];
}
interface BotoError extends BotoResponse {
  readonly Error: { readonly Code: string; readonly Message: string };
  readonly Reason?: string;
}

interface BotoResult extends Answer {
  /** Of a streamed answer. */
  readonly pieces?: readonly string[] | undefined;
  readonly ends?: readonly StreamEnd[] | undefined;
}

/** Boto3, in a Python of its own that lives as long as the client. */
export interface BotoClient extends AwsClient {
  /** Any method of its Lambda client, by the names of its arguments. */
  call(method: string, args: Readonly<Record<string, string | undefined>>): Promise<BotoResult>;
}

export function botoClient({ python }: PythonClients, url: string): BotoClient {
  const env = { PATH: process.env.PATH, ...clientEnvironment(url) };
  const child = spawn(python, [join(import.meta.dirname, "boto.py")], { env, stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const call = async (method: string, args: Readonly<Record<string, string | undefined>>): Promise<BotoResult> => {
    child.stdin.write(`${JSON.stringify({ method, arguments: args })}\n`);
    const [line] = await once(lines, "line");
    const { answer, error } = JSON.parse(line) as { answer?: BotoAnswer; error?: BotoError };
    if (error !== undefined) {
      const { HTTPStatusCode: status, RequestId: requestId, HTTPHeaders: headers } = error.ResponseMetadata;
      const { Code: name, Message: message } = error.Error;
      return { requestId, error: { name, message, status, reason: error.Reason, retryAfter: headers["retry-after"] } };
    }
    return {
      status: answer?.StatusCode ?? answer?.Status,
      functionError: answer?.FunctionError,
      executedVersion: answer?.ExecutedVersion,
      log: fromBase64(answer?.LogResult),
      payload: answer?.Payload,
      pieces: answer?.Pieces,
      ends: answer?.Ends,
      requestId: answer?.ResponseMetadata.RequestId,
    };
  };
  return {
    call,
    invoke: ({ name, payload, type, logType, clientContext, qualifier }: Invocation) =>
      call("invoke", {
        FunctionName: name,
        Payload: payload,
        InvocationType: type,
        LogType: logType,
        ClientContext: clientContext,
        Qualifier: qualifier,
      }),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
