import type { Action } from "./action.ts";
import { daemonActions } from "./daemons.ts";
import { surroundingActions } from "./surroundings.ts";
import { workerActions } from "./workers.ts";

/** All that the chaos does. */
export const actions: readonly Action[] = [...daemonActions, ...workerActions, ...surroundingActions];
