import { once } from "node:events";
import { createServer, request as forward, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import dynalite from "dynalite";
import { startFauxqs } from "fauxqs";
import { freePort } from "../port.ts";

export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
}

export interface TestS3 extends AsyncDisposable {
  /** Path of each request, as it was sent. */
  readonly paths: readonly string[];
  /** Where its requests go: closed to workers. */
  readonly innerPort: number;
}

/**
 * fauxqs' S3, which takes everybody's credentials, behind what RustFS refuses: keys that are not its own, and a session
 * token beside a key that is (`check_claims_from_token` in RustFS' rustfs/src/auth.rs).
 */
export async function startS3(at: ServiceAddress, accessKeyId: string): Promise<TestS3> {
  await using stack = new AsyncDisposableStack();
  const inner = await startFauxqs({ port: await freePort(), logger: false });
  stack.defer(() => inner.stop());
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    if (request.url === "/health/ready") return void response.end();
    const refusal = refuse(request, accessKeyId);
    if (refusal === undefined) pass(request, response, inner.port);
    else response.writeHead(403, { "content-type": "application/xml" }).end(`<Error><Code>${refusal}</Code></Error>`);
  });
  stack.defer(() => close(server));
  await listen(server, at);
  const owned = stack.move();
  return { paths, innerPort: inner.port, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** dynalite: DynamoDB in memory. As ScyllaDB does by default, it takes everybody's credentials. */
export async function startDynamoDb(at: ServiceAddress): Promise<AsyncDisposable> {
  const server = dynalite({ createTableMs: 0 });
  await listen(server, at);
  return { [Symbol.asyncDispose]: () => close(server) };
}

function refuse({ headers, url = "" }: IncomingMessage, accessKeyId: string): string | undefined {
  const query = new URL(url, "http://s3").searchParams;
  if (headers["x-amz-security-token"] !== undefined || query.has("X-Amz-Security-Token")) return "InvalidToken";
  const credential = query.get("X-Amz-Credential") ?? /Credential=([^,\s]+)/.exec(headers.authorization ?? "")?.[1];
  return credential?.split("/")[0] === accessKeyId ? undefined : "InvalidAccessKeyId";
}

function pass(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url, headers } = request;
  const onward = forward({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", (error) => response.destroy(error));
  request.pipe(onward);
}

async function listen(server: Server, { host, port }: ServiceAddress): Promise<void> {
  server.listen(port, host);
  await once(server, "listening");
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
