import { once } from "node:events";
import { Server } from "node:net";
import type { FastifyInstance } from "fastify";
import { ConfigurationError } from "../../common/environment.ts";
import type { Logger } from "../../common/logger.ts";
import type { SettingName, SettingValues } from "../../common/settings.ts";
import type { Connections } from "../http/connections.ts";
import type { Drain } from "../http/drain.ts";
import { PortKeeper } from "../http/port-keeper.ts";
import type { Clock } from "../pool/clock.ts";

export const portSettings = [
  "ESB_GATEWAY_HOST",
  "ESB_GATEWAY_PORT",
  "ESB_PORT_KEEPER",
  "ESB_DRAIN_TIMEOUT_MS",
] as const satisfies readonly SettingName[];

type PortConfiguration = SettingValues<(typeof portSettings)[number]>;

/** How long a kept connection may be without a request when the gateway ends: with its next answer it would be told. */
const farewellMs = 3000;
/** Connections that have just been taken get their request within this. */
const lastRequestMs = 1000;
/** How long those who wait at a kept port are spared an agent that is not there yet. */
const agentWithinMs = 10_000;
/** By then, whoever begins us anew has a network for us again. */
const lostForMs = 5000;
/** How long clients may take to read what was left of their answers when the gateway ends. */
const lingerMs = 500;

/** The clients' port, from the claim to it until the last answer. */
export interface Port extends Disposable {
  /** Resolves some time after the keeper's end: the network that both are in is nobody's by then. */
  readonly lost: Promise<void>;
  /** @returns the URL @throws (rejects with) ConfigurationError */
  listen(): Promise<string>;
  /** The agent is there, so what clients want can be done. */
  onAgent(): void;
  /** Lets the requests that are there finish. @returns how many were given up on */
  finish(): Promise<number>;
  /** Answers are written by now, and what clients do not read in time is lost. */
  close(): Promise<void>;
}

export interface PortContext {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly app: FastifyInstance;
  readonly scheme: "http" | "https";
  readonly drain: Pick<Drain, "leave" | "finish">;
  readonly connections: Pick<Connections, "gone">;
}

export function openPort(configuration: PortConfiguration, context: PortContext): Port {
  const { ESB_GATEWAY_HOST: host, ESB_GATEWAY_PORT: port, ESB_DRAIN_TIMEOUT_MS: drainMs } = configuration;
  const { clock, logger, app, scheme, drain, connections } = context;
  let keeper: PortKeeper | undefined;
  let handOver = () => {};
  let closed: Promise<unknown> = Promise.resolve();
  const lost = Promise.withResolvers<void>();

  /** Once: with the agent, or without it if it does not come. */
  const handOverWhenReady = (kept: PortKeeper) => {
    const now = () => {
      cancel();
      handOver = () => {};
      kept.handOver().catch((err) => logger.error({ err }, "those who wait for this gateway are not handed over"));
    };
    const cancel = clock.after(agentWithinMs, now);
    handOver = now;
  };
  /** Those who come from now on wait for the next gateway; those who are there are told to go, and none is cut off. */
  const leave = async () => {
    drain.leave();
    await connections.gone(clock, Math.min(farewellMs, drainMs));
    closed = once(app.server, "close");
    // An http.Server's own, which closes idle connections first; HTTP/2 has none.
    if ("closeIdleConnections" in app.server) app.server.closeIdleConnections();
    Server.prototype.close.call(app.server);
    await connections.gone(clock, Math.min(lastRequestMs, drainMs));
  };
  const onLost = () => {
    logger.error("the port's keeper has ended, and with it the network that clients reach: the gateway ends");
    clock.after(lostForMs, lost.resolve);
  };
  return {
    lost: lost.promise,
    async listen() {
      try {
        keeper = await claim(configuration, logger);
        // All of it goes on to Node's own `listen`, which fastify's types do not say.
        const where = { host, port, reusePort: keeper !== undefined };
        const url = (await app.listen(where)).replace(/^http:/, `${scheme}:`);
        keeper?.onLost(onLost);
        if (keeper !== undefined) handOverWhenReady(keeper);
        return url;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new ConfigurationError(`cannot listen at ESB_GATEWAY_HOST=${host}, ESB_GATEWAY_PORT=${port}: ${why}`);
      }
    },
    onAgent: () => handOver(),
    async finish() {
      const beganMs = clock.now();
      if (keeper !== undefined && app.server.listening) await leave();
      return drain.finish(Math.max(0, drainMs - (clock.now() - beganMs)));
    },
    async close() {
      const cancel = clock.after(lingerMs, () => app.server.closeAllConnections());
      await Promise.all([app.close(), closed]);
      cancel();
    },
    [Symbol.dispose]: () => keeper?.[Symbol.dispose](),
  };
}

/** @returns undefined: there is none, and the port is ours alone or not at all */
async function claim(configuration: PortConfiguration, logger: Logger): Promise<PortKeeper | undefined> {
  const { ESB_PORT_KEEPER: name, ESB_GATEWAY_HOST: host, ESB_GATEWAY_PORT: port } = configuration;
  if (name === undefined) return undefined;
  let keeper: PortKeeper;
  try {
    keeper = await PortKeeper.connect(name);
  } catch (err) {
    logger.warn({ err }, "nobody keeps the port: while the gateway is replaced, clients are refused");
    return undefined;
  }
  try {
    await keeper.claim(host, port);
    return keeper;
  } catch (error) {
    keeper[Symbol.dispose]();
    throw error;
  }
}
