import { mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, type IncomingMessage, request as send } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createChannel, createClient } from "nice-grpc";
import { createLogger } from "../../common/logger.ts";
import { Admission, RuntimeApiServiceDefinition } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { invocationPath } from "./http/invocations.ts";
import { startRuntimeApi } from "./start.ts";

/** Everything listens at one port; who is who is told by addresses of 127.0.0.0/8, of which each test has its own. */
let networks = 0;

export interface TestRuntimeApi extends AsyncDisposable {
  readonly control: Client<RuntimeApiServiceDefinition>;
  readonly controlPath: string;
  /** AWS_LAMBDA_RUNTIME_API of all workers. */
  readonly address: string;
  /** The admission of the worker that calls from `127.x.y.<number>`. */
  admission(number: number, change?: Partial<Admission>): Admission;
  admit(number: number, change?: Partial<Admission>): Promise<Admission>;
}

/** The whole of it with real sockets, in this process. */
export async function startTestRuntimeApi(): Promise<TestRuntimeApi> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "esb-runtime-api-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const controlPath = join(folder, "runtime-api.sock");
  stack.use(await startRuntimeApi({ controlPath, logger: createLogger("runtime-api", "fatal") }));
  const channel = createChannel(`unix://${controlPath}`);
  stack.defer(() => channel.close());
  const control = createClient(RuntimeApiServiceDefinition, channel);
  networks++;
  const network = `127.${16 + (process.pid % 200)}.${networks}`;
  const port = 9001;
  const admission = (number: number, change: Partial<Admission> = {}) =>
    Admission.fromPartial({
      workerId: `worker-${number}`,
      instanceId: `instance-${number}`,
      runtimeAddress: `${network}.1`,
      runtimePort: port,
      sourceAddress: `${network}.${number}`,
      invocationAddress: `${network}.${number + 100}`,
      invocationPort: 8080,
      functionName: "hello",
      functionArn: "arn:aws:lambda:us-east-1:000000000000:function:hello",
      handler: "index.handler",
      timeoutMs: 3000,
      memoryMib: 128,
      accountId: "000000000000",
      ...change,
    });
  const owned = stack.move();
  return {
    control,
    controlPath,
    address: `${network}.1:${port}`,
    admission,
    async admit(number, change) {
      const worker = admission(number, change);
      await control.admit({ worker });
      return worker;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: string;
}

/** A request of the worker that calls from this address. */
export function call(
  worker: Admission,
  method: string,
  path: string,
  { headers = {}, body }: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Answer> {
  return answerOf(
    send({
      host: worker.runtimeAddress,
      port: worker.runtimePort,
      localAddress: worker.sourceAddress,
      method,
      path,
      headers,
      agent: false,
    }),
    body,
  );
}

/** An invocation, as the gateway sends it. */
export function invoke(
  worker: Admission,
  body: string | Buffer = "{}",
  headers: Record<string, string> = {},
): Promise<Answer> {
  return answerOf(invocation(worker, headers), body);
}

export function invocation(
  worker: Admission,
  headers: Record<string, string> = {},
  { method = "POST", path = invocationPath } = {},
) {
  const { invocationAddress: host, invocationPort: port } = worker;
  return send({ host, port, method, path, headers, agent: false });
}

/** The whole answer to a request that is not ended yet. */
export async function answerOf(request: ReturnType<typeof send>, body?: string | Buffer): Promise<Answer> {
  const answered = Promise.withResolvers<IncomingMessage>();
  request.on("response", answered.resolve).on("error", answered.reject);
  request.end(body);
  const response = await answered.promise;
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    trailers: response.trailers,
    body: Buffer.concat(parts).toString(),
  };
}

const runtime = "/2018-06-01/runtime";

/** What a runtime does, a call at a time. */
export function runtimeOf(worker: Admission) {
  return {
    next: () => call(worker, "GET", `${runtime}/invocation/next`),
    respond: (id: string, body: string | Buffer, headers: Record<string, string> = {}) =>
      call(worker, "POST", `${runtime}/invocation/${id}/response`, { body, headers }),
    fail: (id: string, body: string, headers: Record<string, string> = {}) =>
      call(worker, "POST", `${runtime}/invocation/${id}/error`, { body, headers }),
    initError: (body: string, headers: Record<string, string> = {}) =>
      call(worker, "POST", `${runtime}/init/error`, { body, headers }),
  };
}

export function requestIdOf({ headers }: Answer): string {
  return String(headers["lambda-runtime-aws-request-id"]);
}
