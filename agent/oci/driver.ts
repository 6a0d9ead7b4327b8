import { posix } from "node:path";
import type { Driver, FunctionSpec } from "../workers/runtime.ts";
import type { ImageConfig } from "./types.ts";

/** With this label an image says itself how it is driven. */
const driverLabel = "esb.runtime";
const named: Readonly<Record<string, Driver>> = { api: "runtime-api", emulator: "emulator", http: "http" };

/** Programs that ask for invocations: AWS's own images begin with the first, the others come with a runtime client. */
const runtimePrograms: readonly string[] = ["lambda-entrypoint.sh", "aws-lambda-ric", "awslambdaric"];
/** Main class of aws-lambda-java-runtime-interface-client. */
const javaRuntime = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda";
/** Where runtimes and custom ones begin (docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html). */
const bootstraps: readonly string[] = ["/var/runtime/bootstrap", "/var/task/bootstrap", "/opt/bootstrap"];
/** AWS's base images, `provided` among them, set it; whatever program such an image begins with is a runtime. */
const runtimeDirectory = "LAMBDA_RUNTIME_DIR=";

/**
 * How a worker is given its invocations: as the function says, else as the image does, by a label or by what it starts.
 * An emulator comes before all: what stands behind it speaks the Runtime API with the emulator. What is not known is
 * taken for an HTTP server; that also goes for a script that starts the emulator where no Runtime API is named.
 */
export function driverOf(spec: Pick<FunctionSpec, "command" | "driver">, config: ImageConfig): Driver {
  const labelled = named[config.Labels?.[driverLabel] ?? ""];
  return spec.driver ?? labelled ?? guess(spec.command, config);
}

function guess(own: readonly string[], { Entrypoint, Cmd, Env, WorkingDir }: ImageConfig): Driver {
  const command = own.length > 0 ? own : [...(Entrypoint ?? []), ...(Cmd ?? [])];
  const words = command.flatMap((word) => word.split(/\s+/));
  if (words.some((word) => posix.basename(word) === "aws-lambda-rie")) return "emulator";
  // Also in the middle of a path: Node is started with a file in the client's folder.
  const parts = words.flatMap((word) => word.split("/"));
  if (parts.some((part) => runtimePrograms.includes(part) || part === javaRuntime)) return "runtime-api";
  const [first = ""] = words;
  const path = posix.resolve(WorkingDir ?? "/", first);
  if (bootstraps.includes(path)) return "runtime-api";
  return (Env ?? []).some((entry) => entry.startsWith(runtimeDirectory)) ? "runtime-api" : "http";
}
