import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Channel, createChannel, createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { AgentServiceDefinition, ImageServiceDefinition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { OwnerPresence } from "../workers/owners.ts";
import { type TestService, testService } from "../workers/service.fake.ts";
import type { Images } from "./images.ts";
import { type AgentServer, createAgentServer, type ServerParts } from "./server.ts";

interface TestServer extends AsyncDisposable, Pick<TestService, "runtime" | "service"> {
  readonly agent: AgentServer;
  readonly channel: Channel;
  readonly clients: ReturnType<typeof clientsOf>;
  /** What the server logged: level, code and message. */
  readonly logged: string[];
}

const noImages: Images = {
  importArchive: () => Promise.reject(new Error("not expected")),
  pull: () => Promise.reject(new Error("not expected")),
  list: () => Promise.reject(new Error("not expected")),
  remove: () => Promise.reject(new Error("not expected")),
};

const noLogs: ServerParts["logs"] = {
  async *read() {
    yield [];
  },
};

const noFollower: ServerParts["logFollower"] = {
  async *follow() {},
};

/** The one port at which workers reach this fake host. */
export const openPort = 8372;

/** The real server over a fake runtime, and real clients, over a socket of their own. */
export async function testServer(
  changes: Partial<Pick<ServerParts, "images" | "ready" | "presence" | "logs" | "logFollower" | "descriptors">> & {
    readonly listening?: boolean;
  } = {},
): Promise<TestServer> {
  const { listening = true, ...parts } = changes;
  const { service, runtime, ...workers } = await testService({ listening });
  const logged: string[] = [];
  const log = (level: string) => (fields: { code: string; err?: Error; reason?: string }) =>
    logged.push(`${level} ${fields.code} ${fields.err?.message ?? fields.reason}`);
  const logger = {
    debug: log("debug"),
    info: log("info"),
    warn: log("warn"),
    error: log("error"),
  } as unknown as ServerParts["logger"];
  const agent = createAgentServer({
    workers: service,
    images: noImages,
    ready: () => undefined,
    presence: new OwnerPresence(() => performance.now()),
    logs: noLogs,
    logFollower: noFollower,
    workerApi: {
      hostAddress: "10.63.0.1",
      endpoint: (port) => (port === openPort ? `http://10.63.0.1:${port}` : undefined),
    },
    descriptors: undefined,
    logger,
    ...parts,
  });
  const dir = await mkdtemp(join(tmpdir(), "esb-server-"));
  const address = `unix://${join(dir, "agent.sock")}`;
  await agent.server.listen(address);
  const channel = createChannel(address);
  return {
    agent,
    service,
    runtime,
    channel,
    logged,
    clients: clientsOf(channel),
    async [Symbol.asyncDispose]() {
      channel.close();
      agent.server.forceShutdown();
      await workers[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function clientsOf(channel: Channel) {
  return {
    workers: createClient(AgentServiceDefinition, channel),
    images: createClient(ImageServiceDefinition, channel),
    health: createClient(HealthDefinition, channel),
  };
}
