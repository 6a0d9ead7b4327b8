/**
 * Answers as streams, as AWS's runtime for Node lets handlers write them: `awslambda.streamifyResponse` and
 * `awslambda.HttpResponseStream.from` (docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html).
 */
import { validateHeaderValue } from "node:http";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { headerOf, payloadOf, runtimeError } from "./errors.mjs";

const mark = Symbol.for("aws.lambda.runtime.handler.streaming");

globalThis.awslambda = {
  ...globalThis.awslambda,
  streamifyResponse: (handler) => Object.assign(handler, { [mark]: "response" }),
  HttpResponseStream: {
    /** The stream of a function URL's answer. @param metadata status code, headers and cookies */
    from(stream, metadata) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.prelude = `${JSON.stringify(metadata)}${"\0".repeat(8)}`;
      return stream;
    },
  },
};

export function isStreaming(handler) {
  return handler[mark] === "response";
}

/** What a handler writes its answer to. The answer begins with the first piece: before that, it can still be an error. */
export class ResponseStream extends Writable {
  /** Written before the first piece. */
  prelude = "";
  #contentType;
  #open;
  #opened;

  /** @param open sends the head of the response */
  constructor(open) {
    super();
    this.#open = open;
    // The handler may have stopped listening; what breaks here is told by `answered`.
    this.on("error", () => {});
  }

  get begun() {
    return this.#opened !== undefined;
  }

  setContentType(type) {
    if (this.begun) throw runtimeError("InvalidStreamingOperation", "Cannot set content-type, too late.");
    // Here, where the handler can hear of it: thrown while a piece is written, it would leave the stream without an end.
    validateHeaderValue("content-type", type);
    this.#contentType = type;
  }

  /** Until the handler has ended it and all is sent. @throws Error when the connection broke */
  async answered() {
    await finished(this);
    await this.#opened.answer;
  }

  /** Ends an answer in its middle, behind what has been written, with the error in trailers. */
  async fail(error) {
    const payload = payloadOf(error);
    const { sent, answer } = this.#opened;
    sent.addTrailers({
      "Lambda-Runtime-Function-Error-Type": headerOf(payload.errorType),
      "Lambda-Runtime-Function-Error-Body": Buffer.from(JSON.stringify(payload)).toString("base64"),
    });
    // `pipeline` destroys it when its source fails.
    if (this.destroyed) sent.end();
    else await finished(this.end());
    await answer;
  }

  _write(chunk, _encoding, done) {
    this.#begin().write(chunk, done);
  }

  _final(done) {
    this.#begin().end(done);
  }

  #begin() {
    if (this.#opened === undefined) {
      this.#opened = this.#open();
      const { sent, answer } = this.#opened;
      // Awaited later; a failure meanwhile must not end the process unheard.
      answer.catch((error) => this.destroy(error));
      if (this.#contentType !== undefined) sent.setHeader("content-type", this.#contentType);
      if (this.prelude !== "") sent.write(this.prelude);
    }
    return this.#opened.sent;
  }
}
