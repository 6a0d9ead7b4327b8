import assert from "node:assert/strict";
import { test } from "node:test";
import { type Effect, step, type WorkerEvent } from "./machine.ts";
import { activityOf, newWorker, type WorkerState } from "./state.ts";

const ticket = (number: number) => ({ ticket: number, requestId: `request-${number}` });
const invoke = (number: number): WorkerEvent => ({ on: "invoke", ticket: ticket(number) });
const answer = (number: number): WorkerEvent => ({ on: "answer", id: `request-${number}` });
const next: WorkerEvent = { on: "next" };
const done: WorkerEvent = { on: "answer-done" };
const exited: WorkerEvent = { on: "exited" };
const extension = (identifier: string, ...events: string[]): WorkerEvent[] => [
  { on: "register", identifier, name: identifier, events },
  { on: "extension-next", identifier },
];
const refusal = (because: string) => [`refuse ${because}`];

/** Effects in short, by what they do and to whom. */
function words(effect: Effect): string {
  switch (effect.do) {
    case "refuse":
      return `refuse ${effect.because}`;
    case "deliver":
      return [`deliver ${effect.ticket.ticket}`, ...effect.extensions].join(" ");
    case "tell-shutdown":
      return ["tell-shutdown", ...effect.extensions].join(" ");
    case "fail":
    case "turn-away":
      return `${effect.do} ${effect.ticket.ticket}`;
    default:
      return effect.do;
  }
}

function after(extensions: readonly string[], events: readonly WorkerEvent[]): { state: WorkerState; last: string[] } {
  let state = newWorker(extensions);
  let last: readonly Effect[] = [];
  for (const event of events) ({ state, effects: last } = step(state, event));
  return { state, last: last.map(words) };
}

interface Row {
  readonly name: string;
  readonly extensions?: readonly string[];
  readonly events: readonly WorkerEvent[];
  /** Effects of the last event. */
  readonly last: readonly string[];
  readonly activity: string;
}

const rows: readonly Row[] = [
  { name: "the runtime's first next ends init", events: [next], last: ["ready"], activity: "idle" },
  {
    name: "an invocation before that waits for it",
    events: [invoke(1), next],
    last: ["ready", "deliver 1"],
    activity: "busy",
  },
  {
    name: "one that comes to a waiting runtime goes to it",
    events: [next, invoke(1)],
    last: ["deliver 1"],
    activity: "busy",
  },
  { name: "a second one waits", events: [next, invoke(1), invoke(2)], last: [], activity: "busy" },
  {
    name: "a third is too many",
    events: [next, invoke(1), invoke(2), invoke(3)],
    last: refusal("busy"),
    activity: "busy",
  },
  {
    name: "who waits gets the runtime's next request, not its answer",
    events: [next, invoke(1), invoke(2), answer(1), done],
    last: [],
    activity: "busy",
  },
  {
    name: "and then it does",
    events: [next, invoke(1), invoke(2), answer(1), done, next],
    last: ["deliver 2"],
    activity: "busy",
  },
  {
    name: "a caller that has gone waits no more",
    events: [next, invoke(1), invoke(2), { on: "caller-gone", ticket: 2 }, answer(1), done, next],
    last: [],
    activity: "idle",
  },
  {
    name: "an invocation that is with the runtime stays there when its caller goes",
    events: [next, invoke(1), { on: "caller-gone", ticket: 1 }, answer(1)],
    last: [],
    activity: "busy",
  },
  {
    name: "next while it works is refused",
    events: [next, invoke(1), next],
    last: refusal("noNext"),
    activity: "busy",
  },
  {
    name: "an answer for another invocation is refused",
    events: [next, invoke(1), answer(7)],
    last: refusal("invalidRequestId"),
    activity: "busy",
  },
  {
    name: "a second answer is refused",
    events: [next, invoke(1), answer(1), done, answer(1)],
    last: refusal("noAnswer"),
    activity: "busy",
  },
  {
    name: "so is one beside the first",
    events: [next, invoke(1), answer(1), answer(1)],
    last: refusal("noAnswer"),
    activity: "busy",
  },
  {
    name: "an answer that broke off may come again",
    events: [next, invoke(1), answer(1), { on: "answer-lost" }, answer(1)],
    last: [],
    activity: "busy",
  },
  {
    name: "a worker without a poll may not be frozen",
    events: [next, { on: "poll-lost" }],
    last: [],
    activity: "busy",
  },
  {
    name: "an invocation waits for the next poll",
    events: [next, { on: "poll-lost" }, invoke(1), next],
    last: ["deliver 1"],
    activity: "busy",
  },
  {
    name: "a runtime that does not come back ends its worker, and what waits for it is served elsewhere",
    events: [next, { on: "poll-lost" }, invoke(1), { on: "away-too-long" }],
    last: ["turn-away 1"],
    activity: "ended",
  },
  {
    name: "one that has come back does not",
    events: [next, { on: "poll-lost" }, invoke(1), next, { on: "away-too-long" }],
    last: [],
    activity: "busy",
  },
  { name: "init/error ends init badly", events: [{ on: "init-error" }], last: ["init-failed"], activity: "ended" },
  {
    name: "init/error after next is refused",
    events: [next, { on: "init-error" }],
    last: refusal("noInitError"),
    activity: "idle",
  },
  {
    name: "init takes only so long",
    events: [invoke(1), { on: "init-timeout" }],
    last: ["init-failed", "turn-away 1"],
    activity: "ended",
  },
  {
    name: "the limit of init is none of a ready worker",
    events: [next, { on: "init-timeout" }],
    last: [],
    activity: "idle",
  },
  { name: "a process that ends in init", events: [exited], last: ["init-failed"], activity: "ended" },
  {
    name: "a process that ends fails what it has and turns away what waits",
    events: [next, invoke(1), invoke(2), exited],
    last: ["fail 1", "turn-away 2"],
    activity: "ended",
  },
  {
    name: "one that has answered has nothing to fail",
    events: [next, invoke(1), answer(1), done, exited],
    last: [],
    activity: "ended",
  },
  {
    name: "after the end nothing is taken",
    events: [next, exited, invoke(1)],
    last: refusal("gone"),
    activity: "ended",
  },
  {
    name: "the end comes once",
    events: [next, invoke(1), exited, exited],
    last: [],
    activity: "ended",
  },
  {
    name: "init waits for extensions that were started",
    extensions: ["a"],
    events: [next],
    last: [],
    activity: "init",
  },
  {
    name: "until they ask for events, also after the runtime's next",
    extensions: ["a"],
    events: [next, ...extension("a", "INVOKE", "SHUTDOWN")],
    last: ["ready"],
    activity: "idle",
  },
  {
    name: "an extension that wants INVOKE gets it with the runtime",
    extensions: ["a", "b"],
    events: [...extension("a", "INVOKE"), ...extension("b", "SHUTDOWN"), next, invoke(1)],
    last: ["deliver 1 a"],
    activity: "busy",
  },
  {
    name: "a worker whose extension still works is busy, and gives the runtime nothing",
    extensions: ["a"],
    events: [...extension("a", "INVOKE"), next, invoke(1), answer(1), done, next, invoke(2)],
    last: [],
    activity: "busy",
  },
  {
    name: "until the extension asks again",
    extensions: ["a"],
    events: [
      ...extension("a", "INVOKE"),
      ...[next, invoke(1), answer(1), done, next, invoke(2)],
      { on: "extension-next", identifier: "a" },
    ],
    last: ["deliver 2 a"],
    activity: "busy",
  },
  {
    name: "an internal extension registers before next",
    events: [...extension("inside", "INVOKE"), next],
    last: ["ready"],
    activity: "idle",
  },
  {
    name: "an internal extension is not told of the end",
    events: extension("inside", "SHUTDOWN").slice(0, 1),
    last: refusal("invalidEvent"),
    activity: "init",
  },
  {
    name: "next closes the registration",
    events: [next, ...extension("inside", "INVOKE").slice(0, 1)],
    last: refusal("registrationClosed"),
    activity: "idle",
  },
  {
    name: "a name registers once",
    events: [...extension("inside", "INVOKE"), ...extension("inside", "INVOKE").slice(0, 1)],
    last: refusal("nameTaken"),
    activity: "init",
  },
  {
    name: "ten extensions are enough",
    events: Array.from({ length: 11 }, (_, index) => extension(`e${index}`, "INVOKE").slice(0, 1)).flat(),
    last: refusal("tooManyExtensions"),
    activity: "init",
  },
  {
    name: "an identifier that nobody has",
    events: [{ on: "extension-next", identifier: "x" }],
    last: refusal("unknownIdentifier"),
    activity: "init",
  },
  {
    name: "SHUTDOWN goes to those who asked for it and wait",
    extensions: ["a", "b"],
    events: [...extension("a", "SHUTDOWN"), ...extension("b", "INVOKE"), next, { on: "shutdown" }],
    last: ["tell-shutdown a"],
    activity: "ended",
  },
  {
    name: "and to those who are busy when they come back",
    extensions: ["a"],
    events: [
      ...extension("a", "INVOKE", "SHUTDOWN"),
      ...[next, invoke(1)],
      { on: "shutdown" },
      { on: "extension-next", identifier: "a" },
    ],
    last: ["tell-shutdown a"],
    activity: "ended",
  },
  {
    name: "an extension that fails ends the worker",
    extensions: ["a"],
    events: [...extension("a", "INVOKE"), next, invoke(1), { on: "extension-error", identifier: "a" }],
    last: ["fail 1"],
    activity: "ended",
  },
  {
    name: "and its init phase",
    extensions: ["a"],
    events: [...extension("a", "INVOKE"), { on: "extension-error", identifier: "a" }],
    last: ["init-failed"],
    activity: "ended",
  },
];

for (const row of rows) {
  test(`L3 ${row.name}`, () => {
    const { state, last } = after(row.extensions ?? [], row.events);
    assert.deepEqual(last, row.last);
    assert.equal(activityOf(state), row.activity);
  });
}
