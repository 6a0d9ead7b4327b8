import { hostname } from "node:os";

const startedAt = new Date().toISOString();
let invocations = 0;

/** Greets whoever the event names: `{"name":"edge"}`, or a request to `/hello/edge`. */
export async function handler(event) {
  invocations += 1;
  const given = event?.pathParameters?.name ?? event?.name;
  const name = typeof given === "string" && given !== "" ? given : "world";
  return {
    message: `${process.env.GREETING ?? "hello"}, ${name}`,
    worker: { host: hostname(), startedAt },
    invocations,
  };
}
