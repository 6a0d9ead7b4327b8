import { EventStreamCodec } from "@smithy/eventstream-codec";

/** Media type of the framing (smithy.io/2.0/aws/amazon-eventstream.html). */
export const eventStreamType = "application/vnd.amazon.eventstream";

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : Buffer.from(bytes).toString()),
  (text) => Buffer.from(text),
);

/** The last event of a streamed answer (API_InvokeWithResponseStreamCompleteEvent.html); what is absent is left out. */
export interface Completion {
  readonly ErrorCode?: string | undefined;
  readonly ErrorDetails?: string | undefined;
  /** In base64. */
  readonly LogResult?: string | undefined;
}

/** A piece of what the function has answered, as one message. */
export function payloadChunk(bytes: Uint8Array): Uint8Array {
  return message("PayloadChunk", "application/octet-stream", bytes);
}

export function invokeComplete(completion: Completion): Uint8Array {
  return message("InvokeComplete", "application/json", Buffer.from(JSON.stringify(completion)));
}

function message(event: string, contentType: string, body: Uint8Array): Uint8Array {
  return codec.encode({
    headers: {
      ":event-type": { type: "string", value: event },
      ":content-type": { type: "string", value: contentType },
      ":message-type": { type: "string", value: "event" },
    },
    body,
  });
}
