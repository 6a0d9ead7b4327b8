import { answer, done, invoke, next, refusal, testTable } from "./machine.table.ts";
import type { WorkerEvent } from "./machine.ts";

const extension = (identifier: string, ...events: string[]): WorkerEvent[] => [
  { on: "register", identifier, name: identifier, events },
  { on: "extension-next", identifier },
];

testTable([
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
]);
