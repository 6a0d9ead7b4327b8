import { setTimeout as delay } from "node:timers/promises";
import { watchFile } from "../common/files/watch.ts";
import type { ShippedLog } from "../common/log-shipping/open.ts";
import type { Logger } from "../common/logger.ts";
import { type SettingName, type SettingValues, settings } from "../common/settings.ts";
import { whenConnected } from "./agent/channel.ts";
import { isAway, isGone } from "./agent/errors.ts";
import { checkAgent } from "./agent/health.ts";
import { AgentReports } from "./agent/reports.ts";
import { followWorkers } from "./agent/watch.ts";
import { trustedProxies } from "./apigateway/client-address.ts";
import { FrontDoor } from "./apigateway/front-door.ts";
import { fileStatus } from "./files/file-status.ts";
import { environmentLookup } from "./files/substitute.ts";
import type { FunctionDefinition } from "./functions/definition.ts";
import { parseFunctions } from "./functions/parse.ts";
import { FunctionsStore } from "./functions/store.ts";
import { createApp } from "./http/app.ts";
import { Drain } from "./http/drain.ts";
import type { InvocationRecord } from "./http/metrics.ts";
import { Chains } from "./lambda/chains.ts";
import { EventQueue } from "./lambda/event-queue.ts";
import type { FailureFields } from "./lambda/invocation.ts";
import { RatedGate } from "./lambda/rated.ts";
import { toPlaces } from "./lambda/stuck.ts";
import { isDevelopment } from "./mode.ts";
import { systemClock } from "./pool/clock.ts";
import { eachOf } from "./pool/listeners.ts";
import { openRouting } from "./routing/open.ts";
import { FunctionUrls } from "./streaming/function-urls.ts";
import { agentSettings, openAgent } from "./wiring/agent.ts";
import { apiDocument, apiDocumentSettings } from "./wiring/api-document.ts";
import { authSettings, openAuth } from "./wiring/auth.ts";
import { listenerSettings, openListener } from "./wiring/listener.ts";
import { logsSettings, openLogs } from "./wiring/logs.ts";
import { openPools, poolSettings } from "./wiring/pools.ts";
import { openPort, portSettings } from "./wiring/port.ts";
import { openWorkerApi, workerApiSettings } from "./wiring/worker-api.ts";

export const gatewaySettings = [
  "ESB_FUNCTIONS",
  "ESB_ROUTING",
  "ESB_EVENT_QUEUE_LIMIT",
  "ESB_EVENT_QUEUE_MIB",
  ...poolSettings,
  ...agentSettings,
  "ESB_REGION",
  "ESB_ACCOUNT_ID",
  "ESB_API_ID",
  "ESB_TRUSTED_PROXIES",
  ...authSettings,
  ...listenerSettings,
  ...portSettings,
  ...workerApiSettings,
  ...apiDocumentSettings,
  ...logsSettings,
] as const satisfies readonly SettingName[];

export type GatewayConfiguration = SettingValues<(typeof gatewaySettings)[number]>;

export interface Gateway {
  /** Where it listens: `http://host:port`. */
  readonly url: string;
  /** Resolves when it has lost its network, and so its clients, for good. */
  readonly lost: Promise<void>;
  /**
   * Turns readiness off and takes no more requests; lets those that are there finish, in the time that the settings
   * give them, then lets go of everything. Workers stay as they are.
   */
  close(): Promise<void>;
}

/** Wires the gateway's parts and listens. @throws ConfigurationError when a file or the address is not right */
export async function startGateway(
  configuration: GatewayConfiguration,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
  log: Pick<ShippedLog, "shipper" | "emit"> = { shipper: undefined, emit: () => undefined },
): Promise<Gateway> {
  const path = configuration.ESB_FUNCTIONS;
  const development = isDevelopment(configuration);
  const lookup = environmentLookup(environment, settingDefault);
  const lifetime = new AbortController();
  const drain = new Drain(systemClock);
  let watching = false;
  let outage: unknown;

  const trusted = trustedProxies(configuration.ESB_TRUSTED_PROXIES);
  const auth = await openAuth(configuration, { lookup, clock: systemClock, logger, trusted });
  const agent = await openAgent(configuration, logger);
  const { channel, clients } = agent;
  const { metrics, breakers, pools, inFlight } = openPools(configuration, {
    agent,
    clock: systemClock,
    logger,
    watching: () => watching,
    outage: () => outage,
    onStarted: (worker) => workerApi.onStarted(worker),
  });
  const logs = openLogs(configuration, { ...log, agent, clock: systemClock, registry: metrics.registry });
  const listener = await openListener(configuration, {
    clock: systemClock,
    logger,
    trusted,
    registry: metrics.registry,
  });
  const source = watchFile(path, () => void functions.refresh());
  const functions = new FunctionsStore(source, {
    path,
    parse: (text) => parseFunctions(text, path, lookup),
    onLoaded: (loaded) => {
      breakers.onFunctions(loaded);
      pools.onFunctions(loaded);
      void routing.reconsider();
      logger.info({ file: path, functions: [...loaded.keys()] }, "functions loaded");
    },
    onError: (message) =>
      logger.error({ file: path, error: message }, "functions file refused, the last good one holds"),
  });
  const routing = openRouting(configuration.ESB_ROUTING, {
    lookup,
    functions: () => ({ path, names: [...functions.value.keys()] }),
    missingForRoute: auth.missingForRoute,
    logger,
  });
  auth.onCredentials(() => void routing.reconsider());

  const invocations = {
    chains: new Chains(systemClock, (name) => toPlaces(pools.outlook(name))),
    pending: drain,
    clock: systemClock,
    functions,
    pool: (definition: FunctionDefinition) => pools.get(definition),
    isGone,
    isAway,
    requests: logs.requests,
    onInvocation: (record: InvocationRecord) => metrics.onInvocation(record),
    onFailure: (what: string, { error, ...fields }: FailureFields) => logger.warn({ err: error, ...fields }, what),
  };
  const door = new FrontDoor({
    ...invocations,
    api: {
      accountId: configuration.ESB_ACCOUNT_ID,
      apiId: configuration.ESB_API_ID,
      region: configuration.ESB_REGION,
    },
    trusted,
    routes: () => routing.table,
    authorizer: auth.authorizer,
    admit: (caller) => listener.rates.admit(caller),
    onAnswer: (record) => metrics.onAnswer(record),
  });
  const region = configuration.ESB_REGION;
  const onError = (err: unknown, requestId: string) => logger.error({ err, requestId }, "request failed");
  const events = new EventQueue({
    events: configuration.ESB_EVENT_QUEUE_LIMIT,
    bytes: configuration.ESB_EVENT_QUEUE_MIB * 2 ** 20,
  });
  const invoke = { ...invocations, region, events, reports: new AgentReports(clients.agent, systemClock) };
  const workerApi = openWorkerApi(configuration, {
    clock: systemClock,
    logger,
    drain,
    invoke,
    logs: logs.cloudWatch,
    onError,
  });
  const callers = new RatedGate(auth.callers, listener.rates, trusted);
  const urls = new FunctionUrls({
    ...invocations,
    region,
    trusted,
    callers,
    admit: (caller) => listener.rates.admit(caller),
    onAnswer: (record) => metrics.onAnswer(record),
  });
  const app = createApp({
    invoke: { ...invoke, callers },
    signIn: { ...auth.signIn, cors: () => routing.table.cors },
    apiDocument: apiDocument(configuration, { table: () => routing.table, auth, trusted }),
    door,
    urls,
    listener: listener.options,
    status: {
      metrics,
      checkAgent: () =>
        checkAgent(
          clients.health,
          () => whenConnected(channel),
          () => watching,
        ),
      functions: () => fileStatus({ file: path, count: functions.value.size, error: functions.error }, development),
      routing: () => fileStatus(routing.status, development),
      auth: auth.status,
      listener: () => ({ ...listener.status(), ...workerApi.status(), ...agent.status() }),
      stopping: () => drain.stopping,
    },
    onError,
  });

  const port = openPort(configuration, {
    clock: systemClock,
    logger,
    app,
    scheme: listener.scheme,
    drain,
    connections: listener.options.connections,
  });
  const release = async () => {
    const givenUp = await port.finish();
    if (givenUp > 0) logger.warn({ requests: givenUp }, "gateway gives up on requests that have not ended in time");
    source[Symbol.dispose]();
    routing[Symbol.dispose]();
    auth[Symbol.dispose]();
    listener[Symbol.dispose]();
    await Promise.all([port.close(), workerApi.close()]);
    lifetime.abort();
    await logs.close();
    agent[Symbol.dispose]();
    inFlight[Symbol.dispose]();
    // Last: then the next gateway may begin.
    port[Symbol.dispose]();
  };
  try {
    await functions.load();
    await routing.load();
    // Before any worker is touched: who finds the port taken may be a second gateway of the name.
    const url = await port.listen();
    logs.start();
    void followWorkers(
      {
        connected: () => whenConnected(channel, 1000),
        watch: (position, signal) => clients.agent.watch({ owner: configuration.ESB_OWNER, position }, { signal }),
        delay: (ms, signal) => delay(ms, undefined, { signal }),
      },
      eachOf(workerApi.directory, pools),
      {
        onUp: (hostAddress) => {
          watching = true;
          outage = undefined;
          workerApi.onHost(hostAddress);
          port.onAgent();
          logger.info({ address: configuration.ESB_AGENT_ADDRESS }, "agent is there");
        },
        onDown: (err) => {
          watching = false;
          outage = err;
          logger.warn({ err, address: configuration.ESB_AGENT_ADDRESS }, "agent is away");
        },
      },
      lifetime.signal,
    );
    logger.info({ url }, "gateway listens");
    return { url, lost: port.lost, close: release };
  } catch (error) {
    await release();
    throw error;
  }
}

function settingDefault(name: string): string | undefined {
  const found = Object.entries(settings).find(([known]) => known === name)?.[1];
  return found !== undefined && "default" in found ? found.default : undefined;
}
