import type { RefusalName } from "./refusals.ts";
import {
  type ExtensionEvent,
  type ExtensionState,
  isQuiet,
  isUnanswered,
  type Ticket,
  type WorkerState,
} from "./state.ts";

/** What happens to a worker. */
export type WorkerEvent =
  /** The runtime asks for an invocation; its connection went before it got one. */
  | { readonly on: "next" | "poll-lost" }
  /** It has not asked again for so long that it never will. */
  | { readonly on: "away-too-long" }
  /** The runtime begins to answer (response or error); `id` is what it says it answers. */
  | { readonly on: "answer"; readonly id: string }
  /** All of the answer is there; or its connection broke and the invocation stays open. */
  | { readonly on: "answer-done" | "answer-lost" }
  | { readonly on: "init-error" | "init-timeout" }
  | { readonly on: "register"; readonly identifier: string; readonly name: string; readonly events: readonly string[] }
  | { readonly on: "extension-next" | "extension-poll-lost" | "extension-error"; readonly identifier: string }
  | { readonly on: "invoke"; readonly ticket: Ticket }
  /** Who waited for an invocation has gone. */
  | { readonly on: "caller-gone"; readonly ticket: number }
  | { readonly on: "shutdown" | "exited" | "extension-exited" };

/** What has to be done about it. */
export type Effect =
  /** Nothing has changed: the event was not allowed. */
  | { readonly do: "refuse"; readonly because: RefusalName | "busy" | "gone" }
  /** The init phase has ended well. */
  | { readonly do: "ready" }
  /** The init phase has ended badly. */
  | { readonly do: "init-failed" }
  /** The runtime, and these extensions, get an invocation. */
  | { readonly do: "deliver"; readonly ticket: Ticket; readonly extensions: readonly string[] }
  /** These extensions, which ask, are told of the end. */
  | { readonly do: "tell-shutdown"; readonly extensions: readonly string[] }
  /** The invocation that is with the runtime will never be answered by it. */
  | { readonly do: "fail"; readonly ticket: Ticket }
  /** The invocation has never been with the runtime. */
  | { readonly do: "turn-away"; readonly ticket: Ticket };

export interface Step {
  readonly state: WorkerState;
  readonly effects: readonly Effect[];
}

const mostExtensions = 10;
const nothing: readonly Effect[] = [];

/** What becomes of a worker by an event: the whole of the Runtime and the Extensions API's order, without a socket. */
export function step(state: WorkerState, event: WorkerEvent): Step {
  switch (event.on) {
    case "next":
      if (state.life === "failed" || state.life === "ended" || isUnanswered(state)) return refuse(state, "noNext");
      return settle({ ...state, runtime: "polling" });
    case "poll-lost":
      return { state: state.runtime === "polling" ? { ...state, runtime: "away" } : state, effects: nothing };
    case "away-too-long":
      return state.life === "ready" && state.runtime === "away" ? end(state, "failed") : { state, effects: nothing };
    case "answer":
      if (event.id !== state.current?.requestId) return refuse(state, "invalidRequestId");
      if (state.runtime !== "working" || state.life === "ended") return refuse(state, "noAnswer");
      return { state: { ...state, runtime: "answering" }, effects: nothing };
    case "answer-done":
      return { state: state.runtime === "answering" ? { ...state, runtime: "answered" } : state, effects: nothing };
    case "answer-lost":
      return { state: state.runtime === "answering" ? { ...state, runtime: "working" } : state, effects: nothing };
    case "init-error":
      if (state.life !== "init" || state.runtime !== "starting") return refuse(state, "noInitError");
      return end(state, "failed");
    case "init-timeout":
      return state.life === "init" ? end(state, "failed") : { state, effects: nothing };
    case "register":
      return register(state, event);
    case "extension-next":
      return extensionNext(state, event.identifier);
    case "extension-poll-lost":
      return { state: changed(state, event.identifier, { waiting: false }), effects: nothing };
    case "extension-error":
      if (!state.extensions.has(event.identifier)) return refuse(state, "unknownIdentifier");
      return state.life === "ended" || state.life === "ending" ? { state, effects: nothing } : end(state, "failed");
    case "extension-exited":
      return state.life === "init" || state.life === "ready" ? end(state, "failed") : { state, effects: nothing };
    case "invoke":
      if (state.life !== "init" && state.life !== "ready") return refuse(state, "gone");
      if (state.waiting !== undefined) return refuse(state, "busy");
      return settle({ ...state, waiting: event.ticket });
    case "caller-gone":
      return {
        state: state.waiting?.ticket === event.ticket ? { ...state, waiting: undefined } : state,
        effects: nothing,
      };
    case "shutdown":
      return shutdown(state);
    case "exited":
      return state.life === "ended" ? { state, effects: nothing } : end(state, "ended");
  }
}

/** Carries out what has become possible: the end of init, the next invocation. */
function settle(state: WorkerState): Step {
  if ((state.life !== "init" && state.life !== "ready") || !isQuiet(state) || state.expected.size > 0) {
    return { state, effects: nothing };
  }
  const effects: Effect[] = state.life === "init" ? [{ do: "ready" }] : [];
  const ready: WorkerState = { ...state, life: "ready" };
  if (state.waiting === undefined) return { state: ready, effects };
  const told = subscribers(state, "INVOKE");
  effects.push({ do: "deliver", ticket: state.waiting, extensions: told.map(([identifier]) => identifier) });
  const extensions = new Map(state.extensions);
  for (const [identifier, extension] of told) extensions.set(identifier, { ...extension, waiting: false });
  return {
    state: { ...ready, runtime: "working", current: state.waiting, waiting: undefined, extensions },
    effects,
  };
}

function register(
  state: WorkerState,
  { identifier, name, events }: Extract<WorkerEvent, { readonly on: "register" }>,
): Step {
  const external = state.expected.has(name);
  // Internal extensions live in the runtime's own process, which does not outlast what SHUTDOWN would announce.
  if (!events.every((event) => event === "INVOKE" || (external && event === "SHUTDOWN"))) {
    return refuse(state, "invalidEvent");
  }
  if (state.life !== "init") return refuse(state, "registrationClosed");
  if ([...state.extensions.values()].some((extension) => extension.name === name)) return refuse(state, "nameTaken");
  // The runtime's first request ends the registration; who was started before it is still awaited.
  if (state.runtime !== "starting" && !external) return refuse(state, "registrationClosed");
  if (state.extensions.size >= mostExtensions) return refuse(state, "tooManyExtensions");
  const extension: ExtensionState = {
    name,
    events: [...new Set(events)] as ExtensionEvent[],
    waiting: false,
    owed: false,
  };
  const expected = new Set(state.expected);
  expected.delete(name);
  return {
    state: { ...state, expected, extensions: new Map(state.extensions).set(identifier, extension) },
    effects: nothing,
  };
}

function extensionNext(state: WorkerState, identifier: string): Step {
  const extension = state.extensions.get(identifier);
  if (extension === undefined) return refuse(state, "unknownIdentifier");
  if (state.life === "failed" || state.life === "ended") return refuse(state, "invalidExtensionState");
  if (extension.owed) {
    const told: Effect = { do: "tell-shutdown", extensions: [identifier] };
    return { state: changed(state, identifier, { owed: false }), effects: [told] };
  }
  return settle(changed(state, identifier, { waiting: true }));
}

function shutdown(state: WorkerState): Step {
  if (state.life === "ending" || state.life === "ended") return { state, effects: nothing };
  const extensions = new Map(state.extensions);
  const told: string[] = [];
  for (const [identifier, extension] of subscribers(state, "SHUTDOWN")) {
    if (extension.waiting) told.push(identifier);
    extensions.set(identifier, { ...extension, waiting: false, owed: !extension.waiting });
  }
  const effects: Effect[] = told.length === 0 ? [] : [{ do: "tell-shutdown", extensions: told }];
  if (state.life === "init") effects.push({ do: "init-failed" });
  if (state.waiting !== undefined) effects.push({ do: "turn-away", ticket: state.waiting });
  // What is with the runtime may still be answered: whoever ends a worker decides how long it gets.
  return { state: { ...state, life: "ending", extensions, waiting: undefined }, effects };
}

/** No invocation will be answered from here on. */
function end(state: WorkerState, life: "failed" | "ended"): Step {
  const effects: Effect[] = state.life === "init" ? [{ do: "init-failed" }] : [];
  if (isUnanswered(state) && state.current !== undefined) effects.push({ do: "fail", ticket: state.current });
  if (state.waiting !== undefined) effects.push({ do: "turn-away", ticket: state.waiting });
  const runtime = isUnanswered(state) ? "answered" : state.runtime;
  return { state: { ...state, life, runtime, waiting: undefined }, effects };
}

function subscribers(state: WorkerState, event: ExtensionEvent): [string, ExtensionState][] {
  return [...state.extensions].filter(([, extension]) => extension.events.includes(event));
}

function changed(state: WorkerState, identifier: string, change: Partial<ExtensionState>): WorkerState {
  const extension = state.extensions.get(identifier);
  if (extension === undefined) return state;
  return { ...state, extensions: new Map(state.extensions).set(identifier, { ...extension, ...change }) };
}

function refuse(state: WorkerState, because: RefusalName | "busy" | "gone"): Step {
  return { state, effects: [{ do: "refuse", because }] };
}
