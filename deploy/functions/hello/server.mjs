// Serves the handler beside it as Lambda's emulator does: POST the event, get what the handler returns.
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { handler } from "./index.mjs";

const path = "/2015-03-31/functions/function/invocations";

const server = createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== path) {
    answer(response, 404, { errorType: "NotFound", errorMessage: `POST an event to ${path}` });
    return;
  }
  let event;
  try {
    event = JSON.parse((await text(request)) || "null");
  } catch {
    answer(response, 400, { errorType: "InvalidRequestContent", errorMessage: "the event is not JSON" });
    return;
  }
  try {
    answer(response, 200, await handler(event));
  } catch (error) {
    process.stderr.write(`${error.stack}\n`);
    answer(
      response,
      200,
      { errorType: error.name, errorMessage: error.message },
      { "x-amz-function-error": "Unhandled" },
    );
  }
});

function answer(response, status, value, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(value ?? null));
}

// A worker keeps its connections: the gateway decides when it has been idle for long enough.
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT ?? 8080));
process.on("SIGTERM", () => process.exit(0));
