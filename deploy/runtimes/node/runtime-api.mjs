import { once } from "node:events";
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { headerOf, payloadOf } from "./errors.mjs";

/**
 * Lambda's Runtime API (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) at `host:port`. What breaks the connection
 * rejects, which ends the process: whoever serves the API takes a worker whose poll has broken for dead.
 */
export function runtimeApiAt(address) {
  const { hostname, port } = new URL(`http://${address}`);
  // One connection for good, without timeouts: a poll lasts for as long as the worker is frozen.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });

  function open(method, path, headers = {}) {
    const sent = request({ hostname, port, agent, method, path: `/2018-06-01/runtime/${path}`, headers });
    // One that is answered before all of it is read may break behind its answer.
    return sent.on("error", () => {});
  }

  async function send(method, path, body, headers = {}) {
    const sent = open(method, path, headers);
    const answer = answerTo(sent);
    sent.end(body);
    return answer;
  }

  function tell(path, error) {
    const payload = payloadOf(error);
    return send("POST", path, JSON.stringify(payload), {
      "content-type": "application/json",
      "lambda-runtime-function-error-type": headerOf(payload.errorType),
    });
  }

  return {
    /** Waits for an invocation. @returns the event's text, and the headers that tell about it */
    async next() {
      const answer = await send("GET", "invocation/next");
      if (answer.status !== 200) throw new Error(`the Runtime API answers ${answer.status}: ${answer.body}`);
      return answer;
    },
    /** @param json the whole answer; one that is refused as too large is the caller's to hear of, not ours */
    respond: (id, json) => send("POST", `invocation/${id}/response`, json, { "content-type": "application/json" }),
    fail: (id, error) => tell(`invocation/${id}/error`, error),
    failInit: (error) => tell("init/error", error),
    /** A streamed response: a request whose body is still to be written, and the answer that it will have. */
    openResponse(id) {
      const sent = open("POST", `invocation/${id}/response`, {
        "content-type": "application/octet-stream",
        "lambda-runtime-function-response-mode": "streaming",
        "transfer-encoding": "chunked",
        trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
      });
      return { sent, answer: answerTo(sent) };
    },
  };
}

async function answerTo(sent) {
  const [response] = await once(sent, "response");
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}
