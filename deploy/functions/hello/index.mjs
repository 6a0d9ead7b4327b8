import { hostname } from "node:os";

const startedAt = new Date().toISOString();
let invocations = 0;

/** Greets whoever the event names: `{"name":"edge"}`. */
export async function handler(event) {
  invocations += 1;
  const name = typeof event?.name === "string" && event.name !== "" ? event.name : "world";
  return {
    message: `${process.env.GREETING ?? "hello"}, ${name}`,
    worker: { host: hostname(), startedAt },
    invocations,
  };
}
