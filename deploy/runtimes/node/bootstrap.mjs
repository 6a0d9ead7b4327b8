/**
 * Runs Lambda functions that are written for Node, from Node 20 on: asks the Runtime API for invocations, one after the
 * other, and gives each to the handler that `_HANDLER` names. It compiles nothing and depends on nothing but Node.
 */
import { inspect } from "node:util";
import { contextOf } from "./context.mjs";
import { runtimeError } from "./errors.mjs";
import { loadHandler } from "./handler.mjs";
import { runtimeApiAt } from "./runtime-api.mjs";
import { isStreaming, ResponseStream } from "./streaming.mjs";

const api = runtimeApiAt(setting("AWS_LAMBDA_RUNTIME_API"));
const handler = await load();
for (;;) await serve(await api.next());

function setting(name) {
  const value = process.env[name];
  if (value) return value;
  process.stderr.write(`${name} is not set: this program runs as a worker of esb or of AWS Lambda\n`);
  process.exit(1);
}

async function load() {
  try {
    return await loadHandler(setting("LAMBDA_TASK_ROOT"), setting("_HANDLER"));
  } catch (error) {
    log(error);
    await api.failInit(error);
    process.exit(1);
  }
}

async function serve({ headers, body }) {
  const context = contextOf(headers, process.env);
  const traceId = headers["lambda-runtime-trace-id"];
  if (traceId === undefined) delete process.env._X_AMZN_TRACE_ID;
  else process.env._X_AMZN_TRACE_ID = traceId;
  const stream = isStreaming(handler) ? new ResponseStream(() => api.openResponse(context.awsRequestId)) : undefined;
  try {
    const event = JSON.parse(body);
    if (stream === undefined) await api.respond(context.awsRequestId, toJson(await handler(event, context)));
    else {
      await handler(event, stream, context);
      await stream.answered();
    }
  } catch (error) {
    log(error);
    if (stream?.begun) await stream.fail(error);
    else await api.fail(context.awsRequestId, error);
  }
}

function toJson(value) {
  try {
    return JSON.stringify(value) ?? "null";
  } catch {
    throw runtimeError("JSONStringifyError", "Unable to stringify response body");
  }
}

function log(error) {
  process.stderr.write(`${inspect(error)}\n`);
}
