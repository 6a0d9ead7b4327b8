import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { logStreamName } from "../oci/environment.ts";
import type { StartRequest, WorkerPlace } from "../workers/runtime.ts";

export interface AdmissionSettings {
  readonly region: string;
  readonly initTimeoutMs: number;
}

const mebibyte = 1024 ** 2;
/** Of invocations that do not say by which ARN they came; the gateway's do. */
const accountId = "123456789012";

/** What whoever serves the Runtime API has to know of a worker before its process starts. */
export function admissionOf(
  { identity, function: spec, initAgain }: Pick<StartRequest, "identity" | "function" | "initAgain">,
  place: WorkerPlace,
  extensions: readonly string[],
  { region, initTimeoutMs }: AdmissionSettings,
): Admission {
  const { endpoint, sourceAddress, runtimeApi } = place;
  return {
    workerId: identity.id,
    instanceId: identity.instanceId,
    runtimeAddress: runtimeApi?.api.host ?? "",
    runtimePort: runtimeApi?.api.port ?? 0,
    sourceAddress: runtimeApi?.isShared === true ? sourceAddress : "",
    invocationAddress: endpoint.host,
    invocationPort: endpoint.port,
    functionName: spec.name,
    functionVersion: "$LATEST",
    functionArn: `arn:aws:lambda:${region}:${accountId}:function:${spec.name}`,
    handler: spec.handler,
    timeoutMs: spec.timeoutMs,
    memoryMib: Math.floor(spec.memoryBytes / mebibyte),
    initTimeoutMs: initAgain === true ? spec.timeoutMs : initTimeoutMs,
    extensions: [...extensions],
    logGroup: `/aws/lambda/${spec.name}`,
    logStream: logStreamName(identity),
    accountId,
  };
}
