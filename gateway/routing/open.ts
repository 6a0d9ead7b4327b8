import { ReloadedFile } from "../../common/files/reloaded.ts";
import { watchFile } from "../../common/files/watch.ts";
import type { Logger } from "../../common/logger.ts";
import type { FileStatus } from "../files/file-status.ts";
import type { RoutingTable } from "./definition.ts";
import { parseRouting, type RoutingContext } from "./parse.ts";
import { createTable } from "./table.ts";

/** The routes that hold now. */
export interface Routing extends Disposable {
  /** Reads the file for the first time. @throws ConfigurationError when it cannot be read or is not right */
  load(): Promise<void>;
  /** To be called when functions or credentials have changed: routes name functions and ask for credentials. */
  reconsider(): Promise<void>;
  /** A request takes it once, so that it sees the old routes or the new ones. */
  readonly table: RoutingTable;
  readonly status: FileStatus;
}

export interface RoutingOptions extends Pick<RoutingContext, "lookup" | "missingForRoute"> {
  /** Of functions.yml as it is now. */
  readonly functions: () => RoutingContext["functions"];
  readonly logger: Logger;
}

/** What ESB_ROUTING says when there are no routes. */
export const noRouting = "none";

/** Follows routing.yml. @param path `none`: there are no routes */
export function openRouting(path: string, options: RoutingOptions): Routing {
  const { functions, logger, ...context } = options;
  if (path === noRouting) return noRoutes();
  const source = watchFile(path, () => void routing.refresh());
  const routing = new ReloadedFile<RoutingTable>(source, {
    path,
    parse: (text) => parseRouting(text, { ...context, path, functions: functions() }),
    onLoaded: ({ routes }) => logger.info({ file: path, routes: routes.length }, "routes loaded"),
    onError: (error) => logger.error({ file: path, error }, "routing file refused, the last good one holds"),
  });
  return {
    load: () => routing.load(),
    reconsider: () => routing.reconsider(),
    get table() {
      return routing.value;
    },
    get status() {
      const { error } = routing;
      return { file: path, count: routing.value.routes.length, ...(error === undefined ? {} : { error }) };
    },
    [Symbol.dispose]: () => source[Symbol.dispose](),
  };
}

function noRoutes(): Routing {
  return {
    load: () => Promise.resolve(),
    reconsider: () => Promise.resolve(),
    table: createTable([], { payload: "1.0", cors: undefined }),
    status: { file: noRouting, count: 0 },
    [Symbol.dispose]: () => undefined,
  };
}
